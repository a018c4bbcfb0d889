"""Announcements: what a screen reader says is about the view that is shown."""

from datetime import timedelta


def test_after_an_answer_nothing_is_announced_of_its_request(device, origin):
    device.bind_passkey(origin.link("user-announced"))
    page = device.page
    announcer = page.locator("#announcer")
    page.clock.install()
    page.reload()
    # Of what waits before the view is shown, nothing is announced afterwards.
    page.get_by_text("Nothing waits for your answer.").wait_for()
    origin.client.ask("user-announced", "Log in?", duration=timedelta(seconds=90))
    announcer.filter(has_text="A request waits for your answer.").wait_for(state="attached")
    device.open_request()
    assert announcer.inner_text() == ""
    page.evaluate("""() => {
      window.announced = [];
      const note = () => announced.push(announcer.textContent);
      new MutationObserver(note).observe(announcer, { childList: true });
    }""")
    device.refuse("Reject", "This was not me")
    device.wait_for_heading("Reported: not you")
    page.evaluate("announced.length = 0")
    page.clock.run_for(80_000)  # past both moments at which the time left is said
    assert page.evaluate("announced") == []
    assert announcer.inner_text() == ""


def test_a_rejection_that_nobody_handles_is_a_problem(device, origin):
    """Each test with a device fails by it: see `open_device`."""
    device.page.goto(f"{origin.url}/app/")
    device.page.evaluate("() => { Promise.reject(new Error('nobody looks')); }")
    while not device.problems:
        device.page.wait_for_timeout(10)
    assert device.problems == ["nobody looks"]
    device.problems.clear()
