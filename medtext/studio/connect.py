"""A Label Studio project and our server: pre-annotation when a task is opened, corrections told when submitted."""

from __future__ import annotations

import os
from typing import Any

from medtext.errors import ConfigError, ServerError
from medtext.studio.client import Client
from medtext.studio.projects import get_project

SERVER_VARIABLE = "MEDTEXT_SERVER_TOKEN"
_ACTIONS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")


def connect(
    *, url: str, project: str | int, backend: str, title: str = "medtext", token: str = "", server_token: str = ""
) -> dict[str, Any]:
    """Make a running `medtext serve` at `backend` the machine of a project, and give where it stands there.

    Label Studio then asks it for predictions when a task without any is opened, and tells it of annotations. It sends
    the token of our server (MEDTEXT_SERVER_TOKEN) as the password of basic authentication, and as a header of the
    webhook. Doing it again renews the token. Raises ServerError when Label Studio does not reach the backend.
    """
    secret = server_token or os.environ.get(SERVER_VARIABLE, "")
    client = Client(url, token=token)
    target = get_project(client, project)
    backend = backend.rstrip("/")
    told: dict[str, Any] = {"project": target.number, "url": backend, "title": title, "auth_method": "NONE"}
    if secret:
        told |= {"auth_method": "BASIC_AUTH", "basic_auth_user": "medtext", "basic_auth_pass": secret}
    there = [one for one in client.get("/api/ml/", project=target.number) or [] if one.get("url") == backend]
    method, path = ("PATCH", f"/api/ml/{there[0]['id']}") if there else ("POST", "/api/ml/")
    made = client.send(method, path, told)
    client.send("PATCH", f"/api/projects/{target.number}/", {"evaluate_predictions_automatically": True})
    _tell_webhook(client, target.number, f"{backend}/webhook", secret)
    made = client.get(f"/api/ml/{made['id']}")
    if made.get("state") != "CO":
        raise ServerError(
            f"Label Studio does not reach {backend}. On a machine of your own, start it with ML_BLOCK_LOCAL_IP=false "
            "and SSRF_PROTECTION_ENABLED=false."
        )
    return {"project": target.number, "backend": made["id"], "model_version": made.get("model_version")}


def _tell_webhook(client: Client, project: int, address: str, secret: str) -> None:
    """One webhook to our server: Label Studio makes one with each backend, but without a token."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    value = {"project": project, "url": address, "send_payload": True, "headers": headers, "is_active": True}
    value |= {"send_for_all_actions": False, "actions": list(_ACTIONS)}
    there = [one for one in client.get("/api/webhooks/", project=project) or [] if one.get("url") == address]
    if len(there) > 1:
        raise ConfigError(f"The project has {len(there)} webhooks to {address}. Delete them there, and connect again.")
    if there:
        client.send("PATCH", f"/api/webhooks/{there[0]['id']}/", value)
    else:
        client.send("POST", "/api/webhooks/", value)
