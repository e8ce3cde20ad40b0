//! The sign-in page.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Client, Response, header::LOCATION, redirect::Policy};
use serde_json::{Value, json};
use winserve_emulators::{ClerkEmulator, SignInPerson};

const HOME: &str = "https://console.example.org/app";

fn clerk() -> ClerkEmulator {
    let clerk = ClerkEmulator::start().unwrap();
    let person = |id: &str, name: &str, is_staff| SignInPerson {
        user_id: id.to_owned(),
        name: name.to_owned(),
        what: "a <test>".to_owned(),
        is_staff,
    };
    clerk.offer_sign_in(vec![person("user_1", "Jane", false), person("user_2", "Ada", true)], HOME);
    clerk
}

/// The answer, and where it leads to.
async fn get(clerk: &ClerkEmulator, path: &str) -> (Response, String) {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().tls_certs_only([]).redirect(Policy::none()).build().unwrap();
    let answer = client.get(format!("{}{path}", clerk.url())).send().await.unwrap();
    let leads = answer.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
    (answer, leads.unwrap_or_default())
}

fn claims(answer: &Response) -> Value {
    let cookie = answer.headers()["Set-Cookie"].to_str().unwrap();
    let token = cookie.strip_prefix("__session=").unwrap().split(';').next().unwrap();
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_link_signs_in_for_a_day_and_leads_back() {
    let clerk = clerk();
    let back = "http://127.0.0.1:3000/app?page=2";
    let (answer, leads) =
        get(&clerk, "/sign-in/user_1?redirect_url=http://127.0.0.1:3000/app?page=2").await;
    assert_eq!((answer.status().as_u16(), &*leads), (303, back));
    let claims = claims(&answer);
    assert_eq!((&claims["sub"], claims.get("act")), (&json!("user_1"), None));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 86_400);
    assert_eq!(get(&clerk, "/sign-in/user_1").await.1, HOME, "who came from nowhere goes home");
    assert_eq!(get(&clerk, "/sign-in/user_3").await.0.status(), 404);
}

#[tokio::test]
async fn only_staff_act_for_others() {
    let clerk = clerk();
    let (answer, _) = get(&clerk, "/sign-in/user_1?actor=user_2").await;
    assert_eq!(claims(&answer)["act"], json!({"sub": "user_2"}));
    for actor in ["user_1", "user_3"] {
        let (answer, _) = get(&clerk, &format!("/sign-in/user_2?actor={actor}")).await;
        assert_eq!(answer.status(), 404, "{actor}");
    }
}

#[tokio::test]
async fn nothing_leads_to_another_machine() {
    let clerk = clerk();
    for path in ["/sign-in", "/sign-in/user_1", "/sign-out"] {
        for outside in [
            "https://example.org/",
            "http://console.example.org/app",
            "http://127.0.0.1@example.org/",
            "http://127.0.0.1.example.org/",
            "//example.org/",
            "javascript:alert(1)",
            "ftp://127.0.0.1/",
        ] {
            let (answer, leads) = get(&clerk, &format!("{path}?redirect_url={outside}")).await;
            assert_eq!((answer.status().as_u16(), &*leads), (400, ""), "{path} {outside}");
            assert!(answer.headers().get("Set-Cookie").is_none(), "{path} {outside}");
        }
    }
}

#[tokio::test]
async fn signing_out_clears_the_cookie() {
    let (answer, leads) = get(&clerk(), "/sign-out?redirect_url=http://localhost:3000/app").await;
    assert_eq!(leads, "http://localhost:3000/app");
    let cookie = answer.headers()["Set-Cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__session=;") && cookie.contains("Max-Age=0"), "{cookie}");
}

#[tokio::test]
async fn the_page_offers_everybody_on_the_host_that_needs_the_cookie() {
    let clerk = clerk();
    let (answer, _) = get(&clerk, "/sign-in?redirect_url=http://localhost:3000/app").await;
    let page = answer.text().await.unwrap();
    let port = clerk.url().rsplit(':').next().unwrap();
    let links: Vec<_> =
        page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let back = "redirect_url=http%3A%2F%2Flocalhost%3A3000%2Fapp";
    assert_eq!(
        links,
        [
            format!("http://localhost:{port}/sign-in/user_1?{back}"),
            format!("http://localhost:{port}/sign-in/user_1?actor=user_2&amp;{back}"),
            format!("http://localhost:{port}/sign-in/user_2?{back}"),
        ]
    );
    assert!(page.contains("impersonate as Ada") && page.contains("a &lt;test&gt;"), "{page}");
    let link = clerk.sign_in_link("user_1", "http://localhost:3000/app");
    assert_eq!(link, links[0], "the same as the one to print");
    assert_eq!(clerk.sign_in_url(HOME), format!("{}/sign-in", clerk.url()));
}
