"""Projects of a Label Studio server: found or made, their labeling configuration, and which notes they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medtext.errors import ConfigError, ServerError
from medtext.formats.label_studio_check import controls
from medtext.studio.client import Client


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the server; `config` is its labeling configuration."""

    number: int
    title: str
    config: str = ""

    def __str__(self) -> str:
        return f"project {self.title!r} (no. {self.number})"


def find_project(client: Client, project: str | int) -> Project | None:
    """The project with this number, or the one of exactly this title; None where no title fits.

    Raises ServerError for a number that is not there, ConfigError for a title that several have.
    """
    if isinstance(project, int) or project.isdecimal():
        return _project(client.get(f"/api/projects/{int(project)}/"))
    found = [one for one in client.pages("/api/projects", key="results", title=project) if one["title"] == project]
    if len(found) > 1:
        numbers = ", ".join(str(one["id"]) for one in found)
        raise ConfigError(f"{len(found)} projects are called {project!r}. Give the number of one: {numbers}")
    return _project(client.get(f"/api/projects/{found[0]['id']}/")) if found else None


def get_project(client: Client, project: str | int) -> Project:
    """As `find_project`; raises ConfigError where no title fits."""
    found = find_project(client, project)
    if found is None:
        known = [one["title"] for one in client.pages("/api/projects", key="results")]
        raise ConfigError(f"{client.url} has no project {project!r}. Projects: {', '.join(sorted(known)) or 'none'}")
    return found


def prepare_project(client: Client, project: str | int, config: str, *, replace_config: bool = False) -> Project:
    """The project, made where there is none, with a labeling configuration that shows all that `config` shows.

    A configuration to which ours only adds is updated, one that holds ours and more is left as it is. Raises
    ConfigError for any other, which is somebody else's, unless `replace_config`.
    """
    found = find_project(client, project)
    if found is None:
        value = {"title": str(project)[:50], "label_config": config, "show_collab_predictions": True}
        return _project(client.once("POST", "/api/projects/", value))
    theirs, ours = controls(found.config), controls(config)
    if ours <= theirs:
        return found
    if not (theirs <= ours or replace_config):
        strange = ", ".join(sorted(":".join(one[1:]) for one in theirs - ours)[:5])
        message = f"{found} has another labeling configuration: it holds {strange}, which ours does not. "
        raise ConfigError(message + "Name another project or taxonomy, or pass replace_config=True.")
    return _project(client.send("PATCH", f"/api/projects/{found.number}/", {"label_config": config}))


def _project(told: Any) -> Project:
    if not isinstance(told, dict) or not isinstance(told.get("id"), int):
        raise ServerError("The server tells of a project without a number: another release of Label Studio?")
    return Project(told["id"], str(told.get("title", "")), str(told.get("label_config", "")))


@dataclass(frozen=True, slots=True)
class Present:
    """A note that a project holds: its task, the hash of its text, and whether its prediction came along."""

    task: int
    sha256: str
    predicted: bool


def present_notes(client: Client, project: Project) -> dict[str, Present]:
    """Note id → what the project holds of it, of the tasks that medtext has sent."""
    told = {"project": project.number, "include": "id,meta,total_predictions", "fields": "task_only"}
    found = {}
    for task in client.pages("/api/tasks", key="tasks", size=500, **told):
        ours = (task.get("meta") or {}).get("medtext")
        if isinstance(ours, Mapping) and "id" in ours:
            predicted = bool(task.get("total_predictions", 1))
            found[ours["id"]] = Present(task["id"], ours.get("sha256", ""), predicted)
    return found
