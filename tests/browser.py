"""Looks at the report and at the pages of `corpus serve` in Chromium, as a person would.

Arguments: address of the server, path of report.html, what `corpus what-if` says of some bounds (JSON), `browse` or
`no-browse`. $CORPUS_SCREENSHOTS names a folder for pictures of the pages.
"""

import json
import os
import pathlib
import re
import shutil
import sys

from playwright.sync_api import sync_playwright

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def shot(page, name):
    folder = os.environ.get("CORPUS_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(300)
        page.screenshot(path=str(pathlib.Path(folder) / f"{name}.png"), full_page=True)


def colours(canvas):
    """How many colours a canvas has: a blank one has one."""
    return canvas.evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let at = 0; at < data.length; at += 4) seen.add((data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]);
          return seen.size;
        }"""
    )


def until(page, condition):
    """Waits for a condition; the pages' policy lets no script but their own do that inside them."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {condition}")


def all_drawn(page):
    page.wait_for_selector("#provenance pre")


def charts_are_drawn(page):
    page.locator("#signals").scroll_into_view_if_needed()
    page.wait_for_selector("#signals canvas")
    for canvas in page.locator("#signals canvas, #lengths canvas").all()[:6]:
        assert colours(canvas) > 3, "a blank chart"
    for chart in page.locator("[role=img]").all():
        assert len(chart.get_attribute("aria-label") or "") > 10, "a picture without words"
    # Every chart and every bar has its numbers as CSV.
    for chapter in ["overview", "funnel", "reasons", "signals", "languages", "lengths", "sources", "time"]:
        assert page.locator(f"#{chapter} .behind button").count() > 0, f"{chapter}: no numbers"
    with page.expect_download() as download:
        page.locator("#reasons .behind button").last.click()
    rows = pathlib.Path(download.value.path()).read_text().splitlines()
    assert rows[0].startswith("reason,first_documents"), rows[0]
    assert len(rows) > 20


def the_table_is_sorted(page):
    head = page.locator("table.reasons thead th", has_text="First, documents")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    numbers = [int(text.replace(",", "") or 0) for text in page.locator("table.reasons tbody td:nth-child(2)").all_inner_texts() if text.strip()]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] > 0, numbers
    # By keyboard, too.
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"


def moved_bounds_tell_what_what_if_tells(page, expected):
    for check, case in expected.items():
        stage = check.split(".")[0]
        page.locator("#signals").scroll_into_view_if_needed()
        card = page.locator(f'article.signal[data-signal^="{stage}."]')
        for at in range(card.count()):
            card.nth(at).scroll_into_view_if_needed()
            page.wait_for_timeout(50)
        slider = page.locator(f'input[type=range][data-reason="{check}"]').first
        slider.scroll_into_view_if_needed()
        output = slider.locator("xpath=../output")
        assert "as in the recipe" in output.inner_text(), output.inner_text()
        wanted = float(case["value"])
        steps = page.evaluate("() => JSON.parse(document.getElementById('run').textContent).steps")[check]
        slider.focus()
        for _ in range(400):
            at = steps[int(slider.input_value())]
            if at == wanted:
                break
            slider.press("ArrowRight" if at < wanted else "ArrowLeft")
        assert steps[int(slider.input_value())] == wanted, f"{check}: no step at {wanted}"
        words = output.inner_text()

        def told(what):
            found = re.search(r"([\d,]+) documents? \([^)]*\) more would " + what, words)
            return int(found.group(1).replace(",", "")) if found else 0

        sums = {side: sum(change["documents"] for change in case["told"][side]) for side in ("newly_dropped", "newly_passed")}
        assert told("go") == sums["newly_dropped"], f"{check}: {words}: {sums}"
        assert told("stay") == sums["newly_passed"], f"{check}: {words}: {sums}"
        assert sum(sums.values()) > 0, f"{check}: nothing changes, so nothing is shown by it"
        assert slider.get_attribute("aria-valuetext") == words
        # The line of the chart is dragged with the mouse: the slider follows.
        before = slider.input_value()
        chart = slider.locator("xpath=ancestor::article").locator(".chart").first
        chart.scroll_into_view_if_needed()
        box = chart.bounding_box()
        middle = box["y"] + box["height"] / 2
        for x in range(int(box["x"]) + 46, int(box["x"] + box["width"]) - 8, 6):
            page.mouse.move(x, middle)
            if chart.evaluate("(node) => node.style.cursor") == "ew-resize":
                page.mouse.down()
                page.mouse.move(x + 60, middle, steps=5)
                page.mouse.up()
                break
        assert slider.input_value() != before, f"{check}: the line cannot be dragged"


def dark_mode(page):
    background = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = background()
    page.get_by_role("button", name="Light or dark").click()
    assert background() != light, "the button changes the theme"
    page.reload()
    all_drawn(page)
    assert background() != light, "the theme is remembered"
    page.get_by_role("button", name="Light or dark").click()


def nothing_is_wider_than_the_screen(page, name):
    page.set_viewport_size(PHONE)
    page.wait_for_timeout(200)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], f"{name}: {width} pixels wide on a phone"
    cut = page.evaluate(
        """() => [...document.querySelectorAll("th, td, .card, .tile, .step, p, label")].filter((node) => node.offsetParent && node.scrollWidth > node.clientWidth + 1
             && getComputedStyle(node).overflowX !== "visible" && !node.closest(".scroll, .prose")).map((node) => node.className + ": " + node.textContent.slice(0, 60))"""
    )
    assert not cut, f"{name}: cut on a phone: {cut[:5]}"
    narrow = page.evaluate(
        """() => [...document.querySelectorAll("td, th")].filter((node) => node.offsetParent && node.textContent.length > 12 && node.clientWidth < 60 && !node.closest(".overlap thead"))
             .map((node) => `${node.clientWidth}: ${node.textContent.slice(0, 40)}`)"""
    )
    assert not narrow, f"{name}: narrow on a phone: {narrow[:5]}"
    shot(page, f"{name}-phone")
    page.set_viewport_size(DESK)


def the_report(page, address, expected, name):
    page.goto(address)
    all_drawn(page)
    shot(page, name)
    charts_are_drawn(page)
    the_table_is_sorted(page)
    moved_bounds_tell_what_what_if_tells(page, expected)
    dark_mode(page)
    nothing_is_wider_than_the_screen(page, name)


def the_judge(page, server):
    page.goto(server)
    page.get_by_role("link", name="Which recipe would keep your page?").click()
    page.locator("textarea").fill("What the weather was like when we came back: </script><img src=x onerror='window.harm = 1'> lorem ipsum { }\n" * 3)
    page.get_by_role("button", name="Judge it").click()
    page.wait_for_selector("table.verdicts")
    assert page.locator("table.verdicts tbody tr").count() >= 9
    assert page.locator(".recipes mark").count() > 0, "nothing is marked"
    assert "<img src=x" in page.locator(".recipes .prose").first.inner_text(), "markup is shown as text"
    shot(page, "judge")
    nothing_is_wider_than_the_screen(page, "judge")
    page.get_by_role("button", name="Clear").click()
    page.locator("#file").set_input_files(files=[{"name": "page.html", "mimeType": "text/html", "buffer": b"<html><body><p>A short page.</p></body></html>"}])
    page.get_by_role("button", name="Judge it").press("Enter")
    page.wait_for_selector("table.verdicts")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Judge it").click()
    page.wait_for_selector("[role=alert]")


def the_documents(page, server, has_browse):
    page.goto(server + "documents")
    if not has_browse:
        page.wait_for_selector("[role=alert]")
        assert "--features browse" in page.locator("[role=alert]").inner_text()
        return
    page.wait_for_selector("table.found")
    page.locator("select[name=reason]").select_option("gopher_quality.too_few_words")
    page.get_by_role("button", name="Look", exact=True).press("Enter")
    until(page, "[...document.querySelectorAll('table.found .tag')].every((tag) => tag.textContent === 'gopher_quality.too_few_words')")
    assert "reason=gopher_quality.too_few_words" in page.url
    page.locator("table.found button").first.click()
    page.wait_for_selector(".document canvas")
    assert colours(page.locator(".document canvas").first) > 3
    assert page.locator(".document h2").evaluate("(node) => node === document.activeElement"), "the focus goes to what was opened"
    shot(page, "documents")
    nothing_is_wider_than_the_screen(page, "documents")
    # What was hostile is text here, too.
    page.goto(server + "documents?q=onerror")
    page.wait_for_selector("table.found button")
    page.locator("table.found button").first.click()
    page.wait_for_selector(".document .prose")
    assert "<script>" in page.locator(".document .prose").first.inner_text()
    # A duplicate stands beside its twin.
    page.goto(server + "documents?any=minhash.duplicate")
    page.wait_for_selector("table.found button")
    page.locator("table.found button").first.click()
    page.wait_for_selector(".document .pair .tag.kept")
    shot(page, "twins")


def main():
    server, report, expected, browse = sys.argv[1:5]
    expected = json.loads(expected)
    wrong = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport=DESK, accept_downloads=True).new_page()
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on("console", lambda message: wrong.append(f"{page.url}: {message.text}") if message.type == "error" else None)
        the_report(page, pathlib.Path(report).absolute().as_uri(), expected, "report")
        the_report(page, server, expected, "served")
        # Answers that are refused are told by the browser, too: they are meant.
        n_wrong = len(wrong)
        the_judge(page, server)
        the_documents(page, server, browse == "browse")
        wrong[n_wrong:] = [one for one in wrong[n_wrong:] if "422" not in one]
        assert page.evaluate("window.harm") is None, "a document's text was run"
        browser.close()
    assert not wrong, "\n".join(wrong)
    print("the pages are drawn")


main()
