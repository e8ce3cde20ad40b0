//! Events, received by a real server that checks their signatures.

use std::sync::Mutex;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{Bytes, Data, to},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use clerk_rs::models::{Organization, OrganizationMembership, User};
use jsonwebtoken::{Algorithm, DecodingKey, crypto::verify};
use reqwest::Method;
use serde_json::{Value, json};
use winserve_emulators::{ClerkEmulator, Delivery, DeliveryOrder, Person, WebhookEndpoint};

use super::{call, jane};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OLD_SECRET: &str = "whsec_b2xkIHNlY3JldA==";

/// A received event.
#[derive(Debug, Clone)]
struct Received {
    id: String,
    timestamp: i64,
    /// In base64, without `v1,`.
    signatures: Vec<String>,
    body: String,
}

/// A server that receives events, and refuses the next few.
struct Inbox {
    url: String,
    shared: Data<Mutex<Shared>>,
    handle: ServerHandle,
}

#[derive(Default)]
struct Shared {
    received: Vec<Received>,
    refusals: u32,
}

async fn receive(shared: Data<Mutex<Shared>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/json");
    let signatures = header("svix-signature");
    let mut shared = shared.lock().unwrap();
    shared.received.push(Received {
        id: header("svix-id"),
        timestamp: header("svix-timestamp").parse().unwrap(),
        signatures: signatures
            .split(' ')
            .map(|it| it.strip_prefix("v1,").unwrap().to_owned())
            .collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    if shared.refusals > 0 {
        shared.refusals -= 1;
        return HttpResponse::ServiceUnavailable().finish();
    }
    HttpResponse::NoContent().finish()
}

impl Inbox {
    fn start() -> Self {
        let shared: Data<Mutex<Shared>> = Data::default();
        let kept = Data::clone(&shared);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app =
                    move || App::new().app_data(Data::clone(&kept)).default_service(to(receive));
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind("127.0.0.1:0").unwrap();
                let url = format!("http://{}/v1/webhooks/clerk", server.addrs()[0]);
                let server = server.run();
                tell.send((url, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (url, handle) = told.recv().unwrap();
        Self { url, shared, handle }
    }

    fn refuse(&self, times: u32) {
        self.shared.lock().unwrap().refusals = times;
    }

    /// Events received so far.
    fn received(&self) -> Vec<Received> {
        self.shared.lock().unwrap().received.clone()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Received {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn kind(&self) -> String {
        self.event()["type"].as_str().unwrap().to_owned()
    }

    /// Whether a secret has signed it, as for a JWT.
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = DecodingKey::from_secret(&key);
        let content = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        self.signatures.iter().any(|signature| {
            let signature = URL_SAFE_NO_PAD.encode(STANDARD.decode(signature).unwrap());
            verify(&signature, content.as_bytes(), &key, Algorithm::HS256).unwrap()
        })
    }
}

/// A Clerk that sends its events to an inbox.
fn connected() -> (ClerkEmulator, Inbox) {
    let (clerk, inbox) = (ClerkEmulator::start().unwrap(), Inbox::start());
    clerk.set_clock(1_700_000_000_000);
    clerk.add(jane());
    clerk.send_webhooks(&WebhookEndpoint::new(&inbox.url, SECRET)).unwrap();
    (clerk, inbox)
}

async fn create(clerk: &ClerkEmulator, name: &str) -> String {
    let body = json!({"name": name});
    let (_, made) = call(clerk, Method::POST, "/organizations", body).await;
    made["id"].as_str().unwrap().to_owned()
}

fn names(received: &[Received]) -> Vec<String> {
    let name = |it: &Received| it.event()["data"]["name"].as_str().unwrap().to_owned();
    received.iter().map(name).collect()
}

#[tokio::test]
async fn every_change_is_sent_signed_in_order_and_with_the_models_of_clerk_rs() {
    let (clerk, inbox) = connected();
    let body = json!({"name": "Jane", "created_by": "user_1", "private_metadata": {"ref": "c:1"}});
    let (_, made) = call(&clerk, Method::POST, "/organizations", body).await;
    let path = format!("/organizations/{}", made["id"].as_str().unwrap());
    call(&clerk, Method::PATCH, &format!("{path}/metadata"), json!({})).await;
    clerk.add(Person::verified("user_2", "2@example.org"));
    let member = json!({"user_id": "user_2", "role": "org:member"});
    call(&clerk, Method::POST, &format!("{path}/memberships"), member).await;
    clerk.add(Person::verified("user_2", "new@example.org"));
    assert!(clerk.delete_user("user_2"));
    assert!(clerk.delete_organization(made["id"].as_str().unwrap()));
    clerk.webhooks_delivered().await;
    let received = inbox.received();
    let kinds: Vec<String> = received.iter().map(Received::kind).collect();
    assert_eq!(
        kinds,
        [
            "organization.created",
            "organizationMembership.created",
            "organization.updated",
            "user.created",
            "organizationMembership.created",
            "user.updated",
            "organizationMembership.deleted",
            "user.deleted",
            "organizationMembership.deleted",
            "organization.deleted",
        ]
    );
    for it in &received {
        assert!(it.is_signed_by(SECRET) && !it.is_signed_by(OLD_SECRET));
        assert_eq!(it.timestamp, 1_700_000_000);
        let (kind, data) = (it.kind(), it.event()["data"].clone());
        match kind.split_once('.').unwrap() {
            (_, "deleted") if !kind.starts_with("organizationMembership") => {
                assert_eq!(data["deleted"], true);
            }
            ("organization", _) => {
                let organization: Organization = serde_json::from_value(data).unwrap();
                assert_eq!(organization.private_metadata.unwrap()["ref"], "c:1");
            }
            ("user", _) => {
                serde_json::from_value::<User>(data).unwrap();
            }
            _ => {
                let member: OrganizationMembership = serde_json::from_value(data).unwrap();
                assert!(member.public_user_data.is_some());
            }
        }
    }
    let statuses = clerk.webhook_attempts().into_iter().map(|attempt| attempt.status);
    assert!(statuses.eq(vec![Some(204); 10]));
}

#[tokio::test]
async fn what_is_refused_is_sent_again_under_the_same_id_until_svix_gives_up() {
    let (clerk, inbox) = connected();
    clerk.deliver(Delivery { retries_ms: vec![1, 1], ..Delivery::default() });
    inbox.refuse(2);
    create(&clerk, "Retried").await;
    clerk.webhooks_delivered().await;
    let received = inbox.received();
    assert_eq!(names(&received), ["Retried"; 3]);
    assert!(received.iter().all(|it| it.id == received[0].id && it.is_signed_by(SECRET)));
    inbox.refuse(3);
    create(&clerk, "Given up").await;
    clerk.webhooks_delivered().await;
    assert_eq!(names(&inbox.received()[3..]), ["Given up"; 3]);
    assert_eq!(clerk.webhook_attempts().last().unwrap().status, Some(503));
}

#[tokio::test]
async fn an_endpoint_that_breaks_the_connection_is_tried_again() {
    let clerk = ClerkEmulator::start().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(drop));
    clerk.send_webhooks(&WebhookEndpoint::new(&url, SECRET)).unwrap();
    clerk.deliver(Delivery { retries_ms: vec![1], ..Delivery::default() });
    create(&clerk, "Nobody answers").await;
    clerk.webhooks_delivered().await;
    let attempts = clerk.webhook_attempts();
    assert_eq!(attempts.len(), 2);
    assert!(attempts.iter().all(|attempt| attempt.url == url && attempt.status.is_none()));
}

#[tokio::test]
async fn events_come_twice_out_of_order_or_never() {
    let (clerk, inbox) = connected();
    let hold = Delivery { paused: true, ..Delivery::default() };
    clerk.deliver(Delivery { copies: 2, ..hold.clone() });
    create(&clerk, "Twice").await;
    clerk.deliver(Delivery { lose: 1, ..hold.clone() });
    create(&clerk, "Never").await;
    create(&clerk, "Last").await;
    assert!(inbox.received().is_empty());
    clerk.deliver(Delivery { order: DeliveryOrder::Reversed, ..Delivery::default() });
    clerk.webhooks_delivered().await;
    let received = inbox.received();
    assert_eq!(names(&received), ["Last", "Twice", "Twice"]);
    assert_eq!(received[1].id, received[2].id);
    assert_ne!(received[0].id, received[1].id);
}

#[tokio::test]
async fn an_event_may_be_late_and_others_overtake_it() {
    let (clerk, inbox) = connected();
    clerk.deliver(Delivery { delay_ms: 3_600_000, ..Delivery::default() });
    create(&clerk, "Late").await;
    clerk.deliver(Delivery::default());
    create(&clerk, "Next").await;
    let delivered = async {
        while inbox.received().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), delivered).await.unwrap();
    assert_eq!(names(&inbox.received()), ["Next"]);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_order() {
    let mut runs = Vec::new();
    for seed in [5, 5, 6] {
        let (clerk, inbox) = connected();
        clerk.set_seed(seed);
        clerk.deliver(Delivery { paused: true, ..Delivery::default() });
        for number in 0..12 {
            create(&clerk, &format!("Number {number}")).await;
        }
        clerk.deliver(Delivery { order: DeliveryOrder::Shuffled, ..Delivery::default() });
        clerk.webhooks_delivered().await;
        runs.push(names(&inbox.received()));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign() {
    let (clerk, inbox) = connected();
    let previous_secret = Some(OLD_SECRET.to_owned());
    let both = WebhookEndpoint { previous_secret, ..WebhookEndpoint::new(&inbox.url, SECRET) };
    clerk.send_webhooks(&both).unwrap();
    create(&clerk, "Signed twice").await;
    clerk.webhooks_delivered().await;
    let received = inbox.received();
    assert_eq!((received.len(), received[0].signatures.len()), (1, 2));
    assert!(received[0].is_signed_by(SECRET) && received[0].is_signed_by(OLD_SECRET));
    let bad = WebhookEndpoint::new(&inbox.url, "whsec_not base64");
    assert!(clerk.send_webhooks(&bad).is_err());
}

#[tokio::test]
async fn signatures_and_timestamps_may_be_wrong() {
    let (clerk, inbox) = connected();
    clerk.deliver(Delivery { bad_signature: true, skew_seconds: -600, ..Delivery::default() });
    create(&clerk, "Forged").await;
    clerk.webhooks_delivered().await;
    let received = inbox.received();
    assert_eq!(received[0].timestamp, 1_700_000_000 - 600);
    assert!(!received[0].is_signed_by(SECRET));
}

#[tokio::test]
async fn an_event_is_replayed_under_its_id_and_endpoints_choose_types() {
    let (clerk, inbox) = connected();
    let types = vec!["organization.created".to_owned()];
    let chosen = WebhookEndpoint { types, ..WebhookEndpoint::new(&inbox.url, SECRET) };
    clerk.send_webhooks(&chosen).unwrap();
    let id = create(&clerk, "Again").await;
    assert!(clerk.delete_organization(&id));
    clerk.webhooks_delivered().await;
    let first = inbox.received();
    assert_eq!(first.len(), 1);
    assert!(clerk.replay(&first[0].id) && !clerk.replay("msg_unknown"));
    clerk.webhooks_delivered().await;
    let received = inbox.received();
    assert_eq!((received.len(), &received[1].id), (2, &first[0].id));
}
