//! A tab in which somebody uses the console.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

pub(crate) use fantoccini::key::Key;
use fantoccini::{
    Client, Locator,
    actions::{InputSource as _, KeyAction, KeyActions},
    elements::Element,
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use serde_json::{Value, json};
use url::{ParseError, Url};
use winserve_emulators::TokenRequest;
use winserve_testkit::TestApp;

use crate::clerk::clerk_id;
use crate::driver::Browser;

/// How long anything may take. A busy machine stalls for seconds.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Width of a desk and of a phone, in pixels.
pub(crate) const WIDE: u32 = 1440;
pub(crate) const NARROW: u32 = 360;
const HEIGHT: u32 = 900;

/// A browser's tab, without cookies from before.
pub(crate) struct Tab {
    browser: Browser,
    base: String,
}

impl Tab {
    /// A new visitor of a console; none where Chromium is not installed.
    pub(crate) async fn of(app: &TestApp) -> Option<Self> {
        let tab = Self { browser: Browser::free().await?, base: app.base().to_owned() };
        let client = tab.client();
        let windows = client.windows().await.unwrap();
        for further in windows.iter().skip(1) {
            client.switch_to_window(further.clone()).await.unwrap();
            client.close_window().await.unwrap();
        }
        client.switch_to_window(windows[0].clone()).await.unwrap();
        client.goto("about:blank").await.unwrap();
        tab.command("Network.clearBrowserCookies", json!({})).await;
        tab.look(WIDE, "light").await;
        Some(tab)
    }

    /// [`of`](Self::of), signed in.
    pub(crate) async fn signed_in(app: &TestApp, user: i32) -> Option<Self> {
        let tab = Self::of(app).await?;
        tab.sign_in(app, &TokenRequest::of(&clerk_id(user))).await;
        Some(tab)
    }

    /// Gives the browser a session.
    pub(crate) async fn sign_in(&self, app: &TestApp, request: &TokenRequest) {
        let cookie =
            json!({"name": "__session", "value": app.clerk_token(request), "url": self.base});
        self.command("Network.setCookie", cookie).await;
    }

    /// Sets the width of the page, and the scheme that the visitor prefers: `light` or `dark`.
    pub(crate) async fn look(&self, width: u32, scheme: &str) {
        let size =
            json!({"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": false});
        self.command("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({"name": "prefers-color-scheme", "value": scheme});
        // Colours change at once.
        let motion = json!({"name": "prefers-reduced-motion", "value": "reduce"});
        let media = json!({"features": [scheme, motion]});
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// Opens an address of the console, or of elsewhere.
    pub(crate) async fn open(&self, address: &str) {
        let address = if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        };
        self.client().goto(&address).await.unwrap();
    }

    /// The address of the page; without the origin if it is the console's.
    pub(crate) async fn address(&self) -> String {
        let address = self.client().current_url().await.unwrap().to_string();
        address.strip_prefix(&self.base).map_or(address.clone(), str::to_owned)
    }

    /// Waits until the address is this one.
    pub(crate) async fn assert_at(&self, address: &str) {
        let mut at = self.address().await;
        let deadline = Instant::now() + DEADLINE;
        while at != address && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
            at = self.address().await;
        }
        assert_eq!(at, address, "{}", self.text().await);
    }

    /// The title.
    pub(crate) async fn title(&self) -> String {
        self.client().title().await.unwrap()
    }

    /// What can be read on the page.
    pub(crate) async fn text(&self) -> String {
        self.run("return document.body.innerText", json!(null)).await.as_str().unwrap().to_owned()
    }

    /// Waits until the page says this.
    pub(crate) async fn assert_shows(&self, text: &str) {
        let is_shown = async || self.text().await.contains(text);
        assert!(self.comes_true(is_shown).await, "{text:?} does not come: {}", self.text().await);
    }

    /// The page does not say this.
    pub(crate) async fn assert_lacks(&self, text: &str) {
        let shown = self.text().await;
        assert!(!shown.contains(text), "{text:?} is there: {shown}");
    }

    /// Waits until something is true.
    pub(crate) async fn comes_true(&self, mut is_true: impl AsyncFnMut() -> bool) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if is_true().await {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
        is_true().await
    }

    /// Clicks on the first link, button or menu that reads exactly so.
    pub(crate) async fn click(&self, text: &str) {
        assert!(!text.contains('\''), "XPath has no escapes: {text}");
        let readable = "[self::a or self::button or self::summary or self::label]";
        self.click_on(Locator::XPath(&format!("//*{readable}[normalize-space()='{text}']"))).await;
    }

    /// Clicks on the first element of a CSS selector that can be seen.
    pub(crate) async fn click_at(&self, selector: &str) {
        self.click_on(Locator::Css(selector)).await;
    }

    async fn click_on(&self, locator: Locator<'_>) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            for element in self.client().find_all(locator).await.unwrap() {
                if element.is_displayed().await.unwrap_or(false) {
                    return element.click().await.unwrap();
                }
            }
            assert!(Instant::now() < deadline, "no {locator:?}: {}", self.text().await);
            tokio::time::sleep(POLL).await;
        }
    }

    /// Types into the field with this label, instead of what is there; chooses the option of a select.
    pub(crate) async fn fill(&self, label: &str, value: &str) {
        let field = self.field(label).await;
        if field.tag_name().await.unwrap() == "select" {
            field.select_by_label(value).await.unwrap();
        } else if field.attr("type").await.unwrap().as_deref() == Some("date") {
            // What to type depends on the language of the browser.
            let id = field.attr("id").await.unwrap();
            let set = "document.getElementById(arguments[0][0]).value = arguments[0][1]";
            self.run(set, json!([id, value])).await;
        } else {
            field.clear().await.unwrap();
            field.send_keys(value).await.unwrap();
        }
    }

    async fn field(&self, label: &str) -> Element {
        let labelled = format!("//label[starts-with(normalize-space(), '{label}')]");
        let label = self.client().wait().at_most(DEADLINE).for_element(Locator::XPath(&labelled));
        let id = label.await.unwrap().attr("for").await.unwrap().unwrap();
        self.client().find(Locator::Id(&id)).await.unwrap()
    }

    /// Presses a key.
    pub(crate) async fn press(&self, key: Key) {
        self.press_char(char::from(key)).await;
    }

    /// Types on the keyboard, wherever the focus is.
    pub(crate) async fn type_text(&self, text: &str) {
        for key in text.chars() {
            self.press_char(key).await;
        }
    }

    async fn press_char(&self, value: char) {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client().perform_actions(keys).await.unwrap();
    }

    /// What has the focus: what it reads, on one line.
    pub(crate) async fn focused(&self) -> String {
        let script = "const it = document.activeElement;
                      return (it.innerText || it.id || it.tagName).replace(/\\s+/g, ' ').trim()";
        self.run(script, json!(null)).await.as_str().unwrap().to_owned()
    }

    /// Opens another tab; it is the one in use.
    pub(crate) async fn another(&self) -> WindowHandle {
        let before = self.client().window().await.unwrap();
        let opened = self.client().new_window(true).await.unwrap().handle;
        self.client().switch_to_window(opened).await.unwrap();
        before
    }

    /// Uses another tab; returns the one before.
    pub(crate) async fn switch_to(&self, other: WindowHandle) -> WindowHandle {
        let before = self.client().window().await.unwrap();
        self.client().switch_to_window(other).await.unwrap();
        before
    }

    /// Runs a script with one argument.
    pub(crate) async fn run(&self, script: &str, argument: Value) -> Value {
        self.client().execute(script, vec![argument]).await.unwrap()
    }

    /// Runs a script that calls its last argument with the result.
    pub(crate) async fn run_until_done(&self, script: &str, argument: Value) -> Value {
        self.client().execute_async(script, vec![argument]).await.unwrap()
    }

    /// A command of Chrome's own protocol.
    pub(crate) async fn command(&self, name: &str, parameters: Value) -> Value {
        let body = json!({"cmd": name, "params": parameters}).to_string();
        self.client().issue_cmd(ChromeCommand { body }).await.unwrap()
    }

    const fn client(&self) -> &Client {
        self.browser.client()
    }
}

/// Sends a command of Chrome's own protocol through its driver.
#[derive(Debug)]
struct ChromeCommand {
    body: String,
}

impl WebDriverCompatibleCommand for ChromeCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (reqwest::Method, Option<String>) {
        (reqwest::Method::POST, Some(self.body.clone()))
    }
}
