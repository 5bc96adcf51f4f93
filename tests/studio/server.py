"""A small HTTP server with the paths of Label Studio that `push` takes, which fails on purpose."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class State:
    """What the server holds, what it was asked, and how it shall fail: statuses that the next requests are answered."""

    def __init__(self):
        self.projects, self.tasks, self.asked, self.failures = [], [], [], []
        self.import_fails_after, self.cut = None, False

    def answer(self, method, path, query, value):
        if path.rstrip("/") == "/api/projects":
            if method == "POST":
                self.projects.append({"id": len(self.projects) + 1, **value})
                return 201, self.projects[-1]
            wanted = query.get("title", [""])[0].lower()
            found = [one for one in self.projects if wanted in one["title"].lower()]
            return 200, {"count": len(found), "results": found}
        if path == "/api/tasks":
            size, page = int(query["page_size"][0]), int(query["page"][0])
            part = self.tasks[(page - 1) * size : page * size]
            return (200, {"tasks": part, "total": len(self.tasks)}) if part or page == 1 else (404, {})
        if path.endswith("/import"):
            return self.take(value)
        number = int(path.strip("/").split("/")[-1]) if path.strip("/").split("/")[-1].isdecimal() else 0
        if path.startswith("/api/projects/") and 0 < number <= len(self.projects):
            self.projects[number - 1] |= value or {}
            return 200, self.projects[number - 1]
        return 404, {"detail": "Not found."}

    def take(self, value):
        kept = value if self.import_fails_after is None else value[: self.import_fails_after]
        for one in kept:
            self.tasks.append({"id": len(self.tasks) + 1, "total_predictions": int(not self.cut), **one})
        if self.import_fails_after is not None:
            self.import_fails_after = None
            return 502, {"detail": "SECRET"}
        return 201, {"task_count": len(value), "prediction_count": sum(len(one["predictions"]) for one in value)}


@contextmanager
def running():
    """(address, state) of such a server on a free port of this machine."""
    state = State()

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.asked.append((self.command, parts.path, self.headers.get("Authorization")))
            failure = state.failures.pop(0) if state.failures else None
            if failure:
                status, headers, content = failure
            else:
                headers = {}
                value = json.loads(body) if body else None
                status, told = state.answer(self.command, parts.path, parse_qs(parts.query), value)
                content = json.dumps(told).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
