//! What a page is measured by: axe-core, layout shifts, bytes, width and pictures.

use std::{path::PathBuf, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{Tab, driver::target};

/// What breaks rules of axe-core.
const CHECK: &str = "
    const [rules, done] = arguments;
    axe.run({...rules, resultTypes: ['violations'], preload: false})
       .then(({violations}) => done(violations.flatMap(({id, help, nodes}) =>
           nodes.map((node) => `${id}: ${help}: ${node.target} ${node.html} ${node.failureSummary}`))))
       .catch((error) => done([`axe-core fails: ${error}`]));";

/// What moved although nobody pressed a key or clicked.
const SHIFTS: &str = "
    const done = arguments[arguments.length - 1];
    const found = [];
    const add = (list) => {
        for (const {value, hadRecentInput, sources} of list) {
            const at = ({x, y, width, height}) => [x, y, width, height].map(Math.round);
            const moved = sources.map(({node, previousRect, currentRect}) =>
                `${node && (node.outerHTML || node.textContent).slice(0, 80)} ${at(previousRect)} → ${at(currentRect)}`);
            // Less than a two-hundredth of the view is what a busy machine shows between two paints.
            if (!hadRecentInput && value >= 0.005) found.push(`the layout shifts by ${value}: ${moved}`);
        }
    };
    const observer = new PerformanceObserver((list) => add(list.getEntries()));
    observer.observe({type: 'layout-shift', buffered: true});
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
        add(observer.takeRecords());
        done(found);
    })));";

/// What makes the page wider than its window, from outside to inside.
const TOO_WIDE: &str = "
    const width = document.documentElement.clientWidth;
    const found = document.documentElement.scrollWidth;
    if (found <= width) return [];
    const scrolls = (it) => it && (getComputedStyle(it).overflowX !== 'visible' || scrolls(it.parentElement));
    return [`${found} px are too wide for ${width} px`].concat([...document.body.querySelectorAll('*')]
        .filter((it) => it.getBoundingClientRect().right > width + 0.5 && !scrolls(it.parentElement))
        .slice(0, 3)
        .map((it) => it.outerHTML.slice(0, 120)));";

/// Bytes of the page and of all that it loads, as they are sent.
const BYTES: &str = "
    const loaded = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
    return loaded.reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0);";

static AXE_CORE: LazyLock<String> = LazyLock::new(|| std::fs::read_to_string(axe_core()).unwrap());

/// Where `scripts/axe-core` puts it.
pub(crate) fn axe_core() -> PathBuf {
    target().join("axe-core/axe.min.js")
}

impl Tab {
    /// Prepares [`violations`](Self::violations) and [`pale`](Self::pale) of the open page.
    pub(crate) async fn load_axe_core(&self) {
        self.run(&AXE_CORE, json!(null)).await;
    }

    /// What is not accessible on the page by WCAG 2.2 AA, a line each.
    pub(crate) async fn violations(&self) -> Vec<String> {
        let tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
        // No tag turns on the last one.
        let rules = json!({"target-size": {"enabled": true}});
        self.check(json!({"runOnly": {"type": "tag", "values": tags}, "rules": rules})).await
    }

    /// [`violations`](Self::violations) of the rules about colours, after those were changed.
    pub(crate) async fn pale(&self) -> Vec<String> {
        let rules = ["color-contrast", "link-in-text-block"];
        self.check(json!({"runOnly": {"type": "rule", "values": rules}})).await
    }

    async fn check(&self, rules: Value) -> Vec<String> {
        lines(&self.run_until_done(CHECK, rules).await)
    }

    /// What moved since the page was opened, a line each.
    pub(crate) async fn shifts(&self) -> Vec<String> {
        lines(&self.run_until_done(SHIFTS, json!(null)).await)
    }

    /// What is wider than the window, a line each.
    pub(crate) async fn too_wide(&self) -> Vec<String> {
        lines(&self.run(TOO_WIDE, json!(null)).await)
    }

    /// Bytes of the first rendering.
    pub(crate) async fn bytes(&self) -> u64 {
        self.run(BYTES, json!(null)).await.as_u64().unwrap()
    }

    /// Writes a picture of the whole page to `target/screenshots`.
    pub(crate) async fn picture(&self, name: &str) {
        let whole = json!({"captureBeyondViewport": true, "format": "png"});
        let taken: Value = self.command("Page.captureScreenshot", whole).await;
        let picture = BASE64_STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
}

fn lines(found: &Value) -> Vec<String> {
    found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// What the probes are for: each must find what it looks for.
#[actix_web::test]
async fn the_probes_find_what_is_wrong() {
    let app = crate::clerk::app().await;
    let Some(tab) = Tab::of(&app).await else { return };
    tab.open(
        "data:text/html,<html lang=en><title>t</title><main><p style='color:rgb(200,200,200)'>pale</p>\
         <input><a href=x style='display:inline-block;width:9px;height:9px'>1</a>\
         <a href=y style='display:inline-block;width:9px;height:9px'>2</a>\
         <div style='width:9999px'>wide</div></main>",
    )
    .await;
    tab.load_axe_core().await;
    let found = tab.violations().await;
    for rule in ["color-contrast: ", "label: ", "target-size: "] {
        assert!(found.iter().any(|line| line.starts_with(rule)), "{rule}{found:#?}");
    }
    let pale = tab.pale().await;
    assert!(pale.len() == 1 && pale[0].starts_with("color-contrast: "), "{pale:#?}");
    assert!(tab.too_wide().await.iter().any(|line| line.contains(">wide<")));
    assert!(tab.bytes().await > 0);
    assert_eq!(tab.shifts().await, [""; 0]);
    let grow = "return new Promise((done) => requestAnimationFrame(() => {
                    document.querySelector('main').style.paddingTop = '300px';
                    requestAnimationFrame(() => requestAnimationFrame(done));
                }))";
    tab.run(grow, json!(null)).await;
    assert_eq!(tab.shifts().await.len(), 1);
}
