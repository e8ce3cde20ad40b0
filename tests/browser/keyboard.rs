//! The keyboard alone does everything.

use serde_json::json;

use crate::{Key, Tab};
use crate::{
    clerk,
    fixtures::MAYOR,
    world::{CANDIDATE, campaign, campaigns},
};

#[actix_web::test]
async fn the_switcher_works_with_the_keyboard_alone() {
    let app = clerk::app().await;
    let own = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    campaigns(&app, CANDIDATE, 2).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{own}/profile")).await;
    for expected in ["Skip to content", "Winserve"] {
        tab.press(Key::Tab).await;
        assert_eq!(tab.focused().await, expected);
    }
    tab.press(Key::Tab).await;
    let button = tab.focused().await;
    assert!(button.contains("Tecumseh"), "{button}");

    // Opens, walks round, and closes without a choice: the focus is where it was.
    tab.press(Key::Enter).await;
    tab.press(Key::End).await;
    assert_eq!(tab.focused().await, "Run for a new office");
    tab.press(Key::Home).await;
    let first = tab.focused().await;
    tab.press(Key::Down).await;
    let second = tab.focused().await;
    assert_ne!(first, second);
    tab.press(Key::Up).await;
    assert_eq!(tab.focused().await, first);
    tab.press(Key::Up).await;
    assert_eq!(tab.focused().await, "Run for a new office");
    tab.press(Key::Down).await;
    assert_eq!(tab.focused().await, first);
    tab.press(Key::Escape).await;
    assert_eq!(tab.focused().await, button);
    let is_open = "return document.querySelector('.switcher').open";
    assert_eq!(tab.run(is_open, json!(null)).await, json!(false));

    // Chooses.
    tab.press(Key::Enter).await;
    tab.type_text("c").await;
    assert!(tab.focused().await.starts_with("Campaign"), "{}", tab.focused().await);
    tab.press(Key::Down).await;
    tab.press(Key::Enter).await;
    assert!(tab.comes_true(async || !tab.address().await.contains(&own)).await);
    assert!(tab.address().await.ends_with("/profile"));
}

#[actix_web::test]
async fn the_skip_link_leads_past_header_and_navigation() {
    let app = clerk::app().await;
    let own = campaign(&app, CANDIDATE, json!({"positionId": MAYOR})).await;
    let Some(tab) = Tab::signed_in(&app, CANDIDATE).await else { return };
    tab.open(&format!("/app/o/{own}")).await;
    tab.press(Key::Tab).await;
    tab.press(Key::Enter).await;
    tab.press(Key::Tab).await;
    let is_in_main = "return document.activeElement.closest('main') !== null";
    assert_eq!(tab.run(is_in_main, json!(null)).await, json!(true), "{}", tab.focused().await);
}
