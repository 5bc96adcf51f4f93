"""The application behind its guard: who is answered, how much may be sent, and what is never told."""

import base64
import logging
import time

import pytest

from medtext.formats.label_studio import labeling_config
from medtext.server.app import build_app
from medtext.server.backend import Backend
from medtext.server.guard import Limits
from medtext.server.run import open_tree, serve
from tests.server.conftest import SECRET

TOKEN, CODES = "the-token", "the-codes-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def backend(pipeline):
    return Backend(pipeline)


def asking(app, host="127.0.0.1"):
    from starlette.testclient import TestClient

    return TestClient(app, base_url=f"http://{host}", raise_server_exceptions=True)


@pytest.fixture
def client(backend):
    return asking(build_app(backend, tree=open_tree("starter"), token=TOKEN, codes_token=CODES))


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"medtext:{password}".encode()).decode()}


def test_label_studio_finds_what_it_asks_for(client, backend, task):
    assert client.get("/").status_code == client.get("/health").status_code == 200
    assert client.get("/versions", headers=BEARER).json() == {"versions": [backend.version]}
    set_up = client.post("/setup", headers=BEARER, json={"access_token": "x", "schema": "<View/>"})
    assert set_up.json() == {"model_version": backend.version}
    told = {"tasks": [task, task], "label_config": labeling_config("clinical"), "params": {}}
    results = client.post("/predict", headers=BEARER, json=told).json()["results"]
    assert len(results) == 2
    assert results[0]["result"]
    assert client.post("/webhook", headers=BEARER, json={"action": "TASKS_CREATED"}).json() == {"written": 0}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer no"}, basic("no"), {"Authorization": "Basic %"}, basic(CODES)]
)
@pytest.mark.parametrize("path", ["/predict", "/setup", "/webhook"])
def test_without_the_token_nothing_is_done(client, path, headers, task):
    answer = client.post(path, headers=headers, json={"tasks": [task]})
    assert answer.status_code == 401
    assert TOKEN not in answer.text


@pytest.mark.parametrize("headers", [BEARER, basic(TOKEN), basic(CODES)])
def test_codes_are_looked_up_with_the_token_or_with_one_for_codes_alone(client, headers):
    assert client.get("/terminology", headers=headers).status_code == 200
    assert client.get("/terminology", headers=basic("no")).status_code == 401


def test_the_tree_of_codes_is_given_a_level_at_a_time_to_pages_of_this_machine(client):
    told = BEARER | {"Origin": "http://localhost:8080"}
    answer = client.get("/terminology", headers=told)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:8080"
    assert {"value": "PROBLEM", "isLeaf": False} in answer.json()["items"]
    below = client.get("/terminology?path=PROBLEM", headers=BEARER).json()["items"]
    assert {"value": "ICD10CM:I10 Hypertension", "isLeaf": True} in below or any(
        "ICD10CM:I10 " in one["value"] for one in below
    )
    assert client.get("/terminology?q=hypertension", headers=BEARER).json()["items"]
    assert client.get("/terminology?path=NOTHING", headers=BEARER).status_code == 404
    foreign = client.get("/terminology", headers=BEARER | {"Origin": "https://elsewhere.example.org"})
    assert "access-control-allow-origin" not in foreign.headers


def test_a_browser_may_ask_beforehand_without_the_token(client):
    told = {"Origin": "http://localhost:8080", "Access-Control-Request-Method": "GET"}
    answer = client.options("/terminology", headers=told | {"Access-Control-Request-Headers": "authorization"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert client.options("/predict", headers=told).status_code == 405


def test_without_a_token_only_this_machine_is_answered(backend, task):
    app = build_app(backend)
    assert asking(app).post("/predict", json={"tasks": [task]}).status_code == 200
    assert asking(app, "rebound.example.org").post("/predict", json={"tasks": [task]}).status_code == 403
    with pytest.raises(ValueError, match="MEDTEXT_SERVER_TOKEN"):
        serve(host="0.0.0.0")


def test_a_page_cannot_post_by_a_form(client):
    answer = client.post("/webhook", headers=BEARER | {"Content-Type": "text/plain"}, content="{}")
    assert answer.status_code == 415


def test_identified_notes_broken_bodies_and_strange_tasks_are_refused_without_text(client, task, caplog):
    identified = {**task, "meta": {"medtext": {**task["meta"]["medtext"], "deidentified": False}}}
    strange = {"id": 9, "data": {"text": SECRET}}
    bodies = [{"tasks": [identified]}, {"tasks": [strange]}, {"tasks": SECRET}, [SECRET], {}]
    with caplog.at_level(logging.DEBUG):
        answers = [client.post("/predict", headers=BEARER, json=one) for one in bodies]
        json_header = BEARER | {"Content-Type": "application/json"}
        answers.append(client.post("/predict", headers=json_header, content='{"' + SECRET))
    assert [one.status_code for one in answers] == [400] * 6
    assert "de-identified" in answers[0].json()["detail"]
    assert SECRET not in "".join(one.text for one in answers) + caplog.text


def test_what_is_too_large_or_takes_too_long_is_refused(backend, task):
    client = asking(build_app(backend, token=TOKEN, limits=Limits(bytes=2_000)))
    assert client.post("/predict", headers=BEARER, json={"x": "y" * 3_000}).status_code == 413

    def parts():
        yield b'{"x": "'
        yield b"y" * 3_000

    told = BEARER | {"Content-Type": "application/json"}
    assert client.post("/predict", headers=told, content=parts()).status_code == 413

    class Slow(Backend):
        def predict(self, tasks, *, label_config=""):
            time.sleep(1)
            return []

    slow = Slow(backend.pipeline)
    client = asking(build_app(slow, token=TOKEN, limits=Limits(seconds=0.05)))
    assert client.post("/predict", headers=BEARER, json={"tasks": [task]}).status_code == 503


def test_an_unexpected_error_tells_its_type_alone(backend, task, caplog):
    class Breaking(Backend):
        def predict(self, tasks, *, label_config=""):
            raise RuntimeError(SECRET)

    client = asking(build_app(Breaking(backend.pipeline), token=TOKEN))
    answer = client.post("/predict", headers=BEARER, json={"tasks": [task]})
    assert (answer.status_code, answer.json()) == (500, {"detail": "unexpected RuntimeError"})
    assert SECRET not in caplog.text
