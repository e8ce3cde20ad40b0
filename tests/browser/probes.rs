//! What a page is measured by: axe-core, layout shifts, bytes, width and pictures.

use std::{path::PathBuf, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{Tab, driver::target};

/// What breaks rules of axe-core.
const CHECK: &str = "
    const [rules, done] = arguments;
    axe.run({...rules, resultTypes: ['violations']})
       .then(({violations}) => done(violations.flatMap(({id, help, nodes}) =>
           nodes.map((node) => `${id}: ${help}: ${node.target} ${node.html} ${node.failureSummary}`))))
       .catch((error) => done([`axe-core fails: ${error}`]));";

/// The sum of all shifts that nobody caused by a key or a click.
const SHIFTS: &str = "
    const done = arguments[arguments.length - 1];
    let sum = 0;
    const add = (list) => { for (const {value, hadRecentInput} of list) if (!hadRecentInput) sum += value; };
    const observer = new PerformanceObserver((list) => add(list.getEntries()));
    observer.observe({type: 'layout-shift', buffered: true});
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
        add(observer.takeRecords());
        done(sum);
    })));";

/// Bytes of the page and of all that it loads, as they are sent.
const BYTES: &str = "
    const loaded = ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind));
    return loaded.reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0);";

static AXE_CORE: LazyLock<String> =
    LazyLock::new(|| std::fs::read_to_string(axe_core()).expect("axe-core"));

/// Where `scripts/axe-core` puts it.
pub(crate) fn axe_core() -> PathBuf {
    target().join("axe-core/axe.min.js")
}

impl Tab {
    /// What is not accessible on the page by WCAG 2.2 AA, a line each.
    pub(crate) async fn violations(&self) -> Vec<String> {
        self.run(&AXE_CORE, json!(null)).await;
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
        let found = self.run_until_done(CHECK, rules).await;
        found.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// How much of the page moved since it was opened.
    pub(crate) async fn layout_shift(&self) -> f64 {
        self.run_until_done(SHIFTS, json!(null)).await.as_f64().unwrap()
    }

    /// Bytes of the first rendering.
    pub(crate) async fn bytes(&self) -> u64 {
        self.run(BYTES, json!(null)).await.as_u64().unwrap()
    }

    /// How many pixels wider the page is than its window.
    pub(crate) async fn overflow(&self) -> i64 {
        let script =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.run(script, json!(null)).await.as_i64().unwrap()
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
    let found = tab.violations().await;
    for rule in ["color-contrast: ", "label: ", "target-size: "] {
        assert!(found.iter().any(|line| line.starts_with(rule)), "{rule}{found:#?}");
    }
    let pale = tab.pale().await;
    assert!(pale.len() == 1 && pale[0].starts_with("color-contrast: "), "{pale:#?}");
    assert!(tab.overflow().await > 0);
    assert!(tab.bytes().await > 0);
    assert_eq!(tab.layout_shift().await, 0.0);
    let grow = "return new Promise((done) => requestAnimationFrame(() => {
                    document.querySelector('main').style.paddingTop = '300px';
                    requestAnimationFrame(() => requestAnimationFrame(done));
                }))";
    tab.run(grow, json!(null)).await;
    assert!(tab.layout_shift().await > 0.0);
}
