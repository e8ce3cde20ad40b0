//! `PUT /v1/users/me`.

use serde_json::json;

use crate::fixtures;

contract! {
    async fn changes_what_is_named_and_keeps_the_rest(app) {
        fixtures::user(&app.database, 7, "candidate");
        let response =
            app.user(7).put("/v1/users/me", json!({"firstName": "Bea", "phone": null})).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.json()["firstName"], "Bea");
        assert_eq!(response.json()["phone"], json!(null));
        let row = app.database.row(r#"SELECT * FROM "user""#);
        assert_eq!(
            (&row["first_name"], &row["last_name"], &row["phone"], &row["password"]),
            (&json!("Bea"), &json!("User"), &json!(null), &json!("hash")),
        );
        assert_eq!(row["updated_at"], "2026-02-25T12:34:56.789");
    }

    async fn an_empty_body_changes_nothing_not_even_the_time(app) {
        fixtures::user(&app.database, 7, "candidate");
        let before = app.database.row(r#"SELECT * FROM "user""#);
        assert_eq!(app.user(7).put("/v1/users/me", json!({})).await.status, 200);
        assert_eq!(app.database.row(r#"SELECT * FROM "user""#), before);
    }

    async fn choices_about_texts_and_sign_up_join_the_meta_data(app) {
        fixtures::user(&app.database, 7, "candidate");
        let body = json!({"allowTexts": false, "signUpMode": "facilitated"});
        let response = app.user(7).put("/v1/users/me", body).await;
        let expected =
            json!({"sessionCount": 3, "textNotifications": false, "signUpMode": "facilitated"});
        assert_eq!(response.json()["metaData"], expected);
    }

    async fn an_email_of_somebody_else_is_a_conflict(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 8, "candidate");
        let body = json!({"email": "user8@example.org", "firstName": "Bea"});
        let response = app.user(7).put("/v1/users/me", body).await;
        response.assert_error(409, "Conflict", "conflict", "Duplicate field: email");
        let row = app.database.row(r#"SELECT * FROM "user" WHERE id = 7"#);
        assert_eq!((&row["email"], &row["first_name"]), (&json!("user7@example.org"), &json!("Ann")));
    }

    async fn an_address_is_taken_in_any_case(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 8, "candidate");
        app.database.execute(r#"UPDATE "user" SET email = 'First.Last@Example.org' WHERE id = 8"#);
        for email in ["first.last@example.org", "FIRST.LAST@EXAMPLE.ORG", "First.Last@Example.org"] {
            let response = app.user(7).put("/v1/users/me", json!({"email": email})).await;
            response.assert_error(409, "Conflict", "conflict", "Duplicate field: email");
        }
        let own = app.user(7).put("/v1/users/me", json!({"email": "USER7@example.org"})).await;
        assert_eq!((own.status.as_u16(), &own.json()["email"]), (200, &json!("USER7@example.org")));
    }

    async fn who_shares_an_address_of_old_may_keep_it_and_change_the_rest(app) {
        fixtures::user(&app.database, 7, "candidate");
        fixtures::user(&app.database, 8, "candidate");
        app.database.execute(r#"UPDATE "user" SET email = 'USER7@example.org' WHERE id = 8"#);
        let same = json!({"email": "user7@example.org", "firstName": "Bea"});
        assert_eq!(app.user(7).put("/v1/users/me", same).await.status, 200);
        let other = app.user(7).put("/v1/users/me", json!({"email": "User7@example.org"})).await;
        assert_eq!(other.status, 409);
    }

    async fn of_those_who_take_an_address_at_once_in_different_cases_one_gets_it(app) {
        let cases = ["new@example.org", "New@example.org", "NEW@example.org", "nEw@example.org"];
        let mut taking = Vec::new();
        for (id, email) in (7..).zip(cases) {
            fixtures::user(&app.database, id, "candidate");
            let client = app.user(id);
            taking.push(actix_web::rt::spawn(async move {
                client.put("/v1/users/me", json!({"email": email})).await.status.as_u16()
            }));
        }
        let mut statuses = Vec::new();
        for taking in taking {
            statuses.push(taking.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409]);
    }

}

in_any_phase! {
    async fn unknown_keys_are_stripped_and_never_written(app) {
        fixtures::user(&app.database, 7, "candidate");
        let body = json!({"roles": ["admin"], "password": "new", "id": 8, "hasPassword": false});
        let response = app.user(7).put("/v1/users/me", body).await;
        assert_eq!(response.status, 200);
        assert_eq!(response.json()["roles"], json!(["candidate"]));
        let row = app.database.row(r#"SELECT * FROM "user""#);
        assert_eq!((&row["password"], &row["id"]), (&json!("hash"), &json!(7)));
    }

    async fn a_text_that_no_index_can_hold_is_refused(app) {
        fixtures::user(&app.database, 7, "candidate");
        // Incompressible digits: an index entry is compressed before it is measured.
        let mut seed = 1_u64;
        let long: String = (0..20_000)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
            })
            .collect();
        let body = json!({
            "firstName": long, "lastName": long, "name": long, "email": format!("{long}@example.org"),
        });
        app.user(7).put("/v1/users/me", body).await.assert_invalid(&json!([
            ["too_big", ["firstName"]],
            ["too_big", ["lastName"]],
            ["too_big", ["email"]],
            ["too_big", ["name"]],
        ]));
    }

    async fn a_bad_zip_code_is_refused_in_the_old_services_words(app) {
        fixtures::user(&app.database, 7, "candidate");
        let refused = app.user(7).put("/v1/users/me", json!({"zip": "123"})).await;
        refused.assert_invalid(&json!([["custom", ["zip"]]]));
        assert_eq!(refused.json()["errors"][0]["message"], "Must be valid Zip code");
    }

    async fn each_broken_rule_is_named_by_code_and_path(app) {
        fixtures::user(&app.database, 7, "candidate");
        let body = json!({
            "firstName": "A", "lastName": 5, "email": "nobody", "name": false, "zip": "123",
            "phone": "12", "signUpMode": "other", "allowTexts": "yes",
        });
        app.user(7).put("/v1/users/me", body).await.assert_invalid(&json!([
            ["too_small", ["firstName"]],
            ["invalid_type", ["lastName"]],
            ["invalid_string", ["email"]],
            ["invalid_type", ["name"]],
            ["custom", ["zip"]],
            ["custom", ["phone"]],
            ["invalid_enum_value", ["signUpMode"]],
            ["invalid_type", ["allowTexts"]],
        ]));
        let row = app.database.row(r#"SELECT * FROM "user""#);
        assert_eq!(row["first_name"], "Ann");
    }
}
