"""Notes into a running Label Studio and back: `push`, `pull`; `connect` has our server pre-annotate what is opened."""

from medtext.studio.connect import connect
from medtext.studio.pull import pull
from medtext.studio.push import push

__all__ = ["connect", "pull", "push"]
