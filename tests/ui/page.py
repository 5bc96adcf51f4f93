"""What a person does on Label Studio's page, with mouse and keys, in a headless Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.ui.label_studio import EMAIL, PASSWORD

_PLACES = """
([element, offset]) => {
  const walker = document.createTreeWalker(document.querySelector('.lsf-htx-richtext'), NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const at = node.textContent.indexOf(element);
    if (at >= 0) {
      const range = document.createRange();
      range.setStart(node, at + offset); range.setEnd(node, at + offset);
      const box = range.getBoundingClientRect();
      return [box.left, box.top + box.height / 2];
    }
  }
  return null;
}
"""
# The right edge of a region has a small knob below it, which is a pseudo-element.
_KNOB = """
() => {
  const box = document.querySelector('.htx-highlight.__active .__resize_right').getBoundingClientRect();
  return [box.left + 2, box.bottom + 3];
}
"""


class Page:
    """A task that is open in a browser."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.url}/user/login")
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", password)
        with self.page.expect_navigation():
            self.page.click("button[type=submit]")

    def sign_up(self, email: str, password: str = PASSWORD) -> None:
        self.page.goto(f"{self.url}/user/signup")
        self.page.fill("input[name=email]", email)
        self.page.fill("input[name=password]", password)
        with self.page.expect_navigation():
            self.page.click("button[type=submit]")

    def open(self, project: int, task: int) -> None:
        self.page.goto(f"{self.url}/projects/{project}/data?task={task}")
        self.page.wait_for_selector(".lsf-htx-richtext .lsf-richtext__line")
        self.page.wait_for_selector("button[name=submit], button[name=update]")
        self.page.wait_for_timeout(500)

    def regions(self) -> list[tuple[str, bool]]:
        """(text, whether it is coloured) of every region, in the order of the text."""
        seen = "all => all.map(one => [one.innerText, getComputedStyle(one).backgroundColor])"
        found = self.page.eval_on_selector_all(".htx-highlight", seen)
        return [(text, colour not in ("rgba(0, 0, 0, 0)", "transparent")) for text, colour in found]

    def region(self, text: str) -> Any:
        return self.page.locator(".htx-highlight", has_text=text).first

    def select(self, text: str) -> None:
        self.page.keyboard.press("Escape")  # what is selected would be unselected by a second click
        self.region(text).click()
        self.page.wait_for_selector(".htx-highlight.__active")

    def move_end(self, text: str, to: str, offset: int) -> None:
        """Drag the right edge of a region behind so many characters of another piece of text."""
        self.select(text)
        knob = self.page.evaluate(_KNOB)
        x, y = self._place(to, offset)
        self._drag(tuple(knob), (x + 1, y))

    def draw(self, label: str, text: str) -> None:
        """Choose a label and draw the mouse over a piece of text."""
        self.page.keyboard.press("Escape")
        self.label(label)
        self._drag(self._place(text, 0), self._place(text, len(text)))
        self.page.wait_for_timeout(300)

    def label(self, name: str) -> None:
        self.page.locator(".lsf-label", has_text=name).first.click()

    def choose(self, value: str) -> None:
        self.page.locator(".lsf-choices:visible label", has_text=value).first.click()

    def open_codes(self) -> None:
        self.page.locator(".htx-taxonomy:visible .ant-select-selector").first.click()
        self.page.wait_for_selector(".ant-select-tree-treenode:visible")

    def pick_code(self, text: str) -> None:
        """Tick an item of the open tree of codes, or untick it."""
        item = self.page.locator(".ant-select-tree-treenode:visible", has_text=text).first
        item.locator(".ant-select-tree-checkbox").click()
        self.page.wait_for_timeout(200)

    def unfold(self, text: str) -> None:
        item = self.page.locator(".ant-select-tree-treenode:visible", has_text=text).first
        item.locator(".ant-select-tree-switcher").click()
        self.page.wait_for_timeout(1_000)

    def delete(self, text: str) -> None:
        self.select(text)
        self.page.keyboard.press("Backspace")
        self.page.wait_for_timeout(300)

    def submit(self) -> None:
        self.page.keyboard.press("Escape")
        with self.page.expect_response(lambda one: "/annotations" in one.url and one.request.method == "POST") as told:
            self.page.locator("button[name=submit]").click()
        assert told.value.status == 201

    def shot(self, path: Path) -> None:
        self.page.screenshot(path=str(path))

    def _place(self, text: str, offset: int) -> tuple[float, float]:
        found = self.page.evaluate(_PLACES, [text, offset])
        assert found, f"the page does not show {text!r} in one piece"
        return found[0], found[1]

    def _drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=5)
        mouse.move(*end, steps=5)
        mouse.up()
        self.page.wait_for_timeout(300)
