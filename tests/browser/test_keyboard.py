"""Tab leads through every page: whatever has the focus has a name, is marked, and lies where it can be seen."""

import pytest

from tests.browser.conftest import DESK, PHONE
from tests.web.every_page import addresses, full_book

pytestmark = pytest.mark.stage
MOST = 40
"""Presses of Tab on a page; longer lists repeat themselves."""

WITH_FOCUS = """async () => {
  // Until what the key set off is drawn.
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const box = it.getBoundingClientRect();
  const marked = node => {
    const style = getComputedStyle(node);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const labels = [...(it.labels || [])];
  const within = (value, end) => Math.min(Math.max(value, 0), end - 1);
  const x = within(box.left + box.width / 2, innerWidth);
  const y = within(box.top + Math.min(box.height / 2, 20), innerHeight);
  const top = document.elementFromPoint(x, y);
  const meant = [it, ...labels];
  const by = (it.getAttribute("aria-labelledby") || "").split(" ").map(id => document.getElementById(id)?.textContent);
  const named = [it.getAttribute("aria-label"), ...by, ...labels.map(one => one.textContent), it.textContent, it.title];
  return {
    what: it.outerHTML.slice(0, 120),
    faults: [
      ...(named.some(text => text && text.trim()) ? [] : ["has no name"]),
      ...([it, it.parentElement, ...labels].some(marked) ? [] : ["is not marked"]),
      ...(top && meant.some(one => one.contains(top) || top.contains(one)) ? [] : ["is out of sight"]),
    ],
  };
}"""


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_whatever_tab_reaches_has_a_name_is_marked_and_in_sight(window, in_book, size):
    book = in_book(lambda book: full_book(book, "Plain"))
    kim = window("kim", size, role="admin", reduced_motion="reduce")
    found = [fault for path in addresses(book, most=1) for fault in faults(kim.goes(path), path)]
    assert not found, "\n".join(found)


def faults(page, path):
    reached = 0
    for _ in range(MOST):
        page.keyboard.press("Tab")
        one = page.evaluate(WITH_FOCUS)
        if one is None:
            break
        reached += 1
        yield from (f"{path}: {fault}: {one['what']}" for fault in one["faults"])
    assert reached > 3, f"{path}: Tab leads nowhere"
