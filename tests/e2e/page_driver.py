"""The evaluators' page as a reader uses it."""

from dataclasses import dataclass

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

WAIT_SECONDS = 60  # a need of 3,000 characters on a machine that is busy with other tests


@dataclass(frozen=True)
class Shown:
    """One match as it stands on the page."""

    id: str
    rank: str
    title: str
    holders: str
    passage: str
    level: str
    score: float
    facts: str


_READ_MATCHES = """
const words = (item, selector) => item.querySelector(selector)?.textContent.trim() ?? "";
return [...document.querySelectorAll("#matches > .match")].map((item) => ({
  id: item.dataset.id, rank: words(item, ".rank"), title: words(item, "h3"), holders: words(item, ".holder-names"),
  passage: words(item, ".passage"), level: words(item, ".level"), facts: words(item, ".facts"),
  score: Number.parseFloat(words(item, ".score").replace(/^[^0-9]+/, "")),
}));
"""


class Page:
    """Drives one browser window. What it returns is what a reader sees."""

    def __init__(self, browser, url):
        self.browser = browser
        self.url = url

    def forget(self):
        """Start as a browser that was never here: no remembered language, no emulated screen, no old messages."""
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.browser.get(self.url)
        self.browser.execute_script("localStorage.clear()")
        self.browser.get_log("browser")

    def load(self, address):
        """Go to an address below the service's."""
        # By way of a blank page: a change of the "#" part alone would not load anything.
        self.browser.get("about:blank")
        self.browser.get(self.url + address)

    def open(self, address=""):
        """Go to the page with a question in its address or none, and wait until it is answered."""
        self.load(address)
        self.wait_until_idle()

    def one(self, selector):
        """The element at a CSS selector."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def words(self, selector):
        """The visible text of an element; empty while it is hidden."""
        return self.one(selector).text

    def wait(self, condition, what):
        """Wait until ``condition`` holds."""
        return WebDriverWait(self.browser, WAIT_SECONDS).until(lambda _: condition(), what)

    def wait_until_idle(self):
        """Wait until no question is under way."""
        self.wait(lambda: self.one("#results").get_attribute("aria-busy") == "false", "still waiting for an answer")

    def write(self, text):
        """Replace the need in the box."""
        self.one("#text").clear()
        self.one("#text").send_keys(text)

    def ask(self, text):
        """Type a need, press the button, wait for the answer."""
        self.write(text)
        self.one("#submit").click()
        self.wait_until_idle()

    def press_ctrl_enter(self):
        """Submit from within the box."""
        self.one("#text").send_keys(Keys.CONTROL, Keys.ENTER)
        self.wait_until_idle()

    def choose_target(self, target):
        """Patents, needs or firms."""
        self.one(f'input[name="target"][value="{target}"]').click()
        self.wait_until_idle()

    def matches(self):
        """The list as it stands."""
        return [Shown(**match) for match in self.browser.execute_script(_READ_MATCHES)]

    def script(self, code, *arguments):
        """Run JavaScript in the page; a promise is waited for."""
        return self.browser.execute_script(code, *arguments)

    def narrow(self, width, height=740):
        """Show the page as a phone does."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def origins(self):
        """Every origin that the page has asked anything of."""
        names = self.script(
            "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)"
        )
        return set(names)

    def complaints(self):
        """What the browser's console holds: script errors, blocked resources, failed requests."""
        return [entry["message"] for entry in self.browser.get_log("browser")]
