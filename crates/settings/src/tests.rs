//! Tests of the settings as a whole: defaults, files, variables, and what is refused.

use super::*;

fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let owned = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Settings::load(None, owned.collect())
}

/// The error with its cause, as the binaries print it.
fn refusal(variables: &[(&str, &str)]) -> String {
    let error = load(variables).unwrap_err();
    format!("{error}: {}", std::error::Error::source(&error).unwrap())
}

#[test]
fn the_defaults_are_complete() {
    let settings = load(&[]).unwrap();
    assert_eq!(settings.server.bind, "127.0.0.1:3000");
    assert!(settings.database.url.is_none());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let folder = std::env::temp_dir().join(format!("winserve-settings-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("winserve.toml");
    std::fs::write(&file, "[server]\nbind = \"a:1\"\n[database]\npool_size = 3\n").unwrap();
    let variables = HashMap::from([("WINSERVE__SERVER__BIND".to_owned(), "b:2".to_owned())]);
    let settings = Settings::load(Some(&file), variables).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((settings.server.bind.as_str(), settings.database.pool_size.get()), ("b:2", 3));
}

#[test]
fn a_misspelt_key_is_named() {
    let message = refusal(&[("WINSERVE__SERVER__BNID", "x")]);
    assert!(message.contains("`bnid`") && message.contains("server"), "{message}");
}

#[test]
fn a_bad_value_is_named_with_its_key() {
    let message = refusal(&[("WINSERVE__DATABASE__POOL_SIZE", "many")]);
    assert!(message.contains("database.pool_size"), "{message}");
    let message = refusal(&[("WINSERVE__DATABASE__POOL_SIZE", "0")]);
    assert!(message.contains("database.pool_size"), "{message}");
    for (key, value) in [
        ("queue_length", "-1"),
        ("queue_length", "100001"),
        ("queue_wait_seconds", "0"),
        ("queue_wait_seconds", "nan"),
        ("queue_wait_seconds", "61"),
    ] {
        let variable = format!("WINSERVE__DATABASE__{}", key.to_uppercase());
        let message = refusal(&[(&variable, value)]);
        assert!(message.contains(&format!("database.{key}")), "{message}");
    }
    let message = refusal(&[("WINSERVE__PHASE", "phase-9")]);
    assert!(message.contains("phase"), "{message}");
    for phase in ["phase-2", "phase-3"] {
        assert_eq!(load(&[("WINSERVE__PHASE", phase)]).unwrap().phase.as_deref(), Some(phase));
    }
}

#[test]
fn a_list_comes_with_commas() {
    let settings = load(&[("WINSERVE__SERVER__CORS_ORIGINS", "http://a, http://b")]).unwrap();
    assert_eq!(settings.server.cors_origins, ["http://a", "http://b"]);
}

#[test]
fn a_malformed_origin_is_reported_by_its_key() {
    for origin in ["not a url", "app.example.org", "https://a.example.org/path", "ftp://a"] {
        let message = refusal(&[("WINSERVE__SERVER__CORS_ORIGINS", origin)]);
        assert!(message.contains("server.cors_origins"), "{message}");
    }
    let any = load(&[("WINSERVE__SERVER__CORS_ORIGINS", "*")]).unwrap();
    assert_eq!(any.server.cors_origins, ["*"]);
}

#[test]
fn a_bad_database_url_is_named_by_its_key_and_never_repeated() {
    for url in [
        "postgres:s3cret@db.example.org/x",
        "postgresql://me:s3c/ret@db.example.org/x",
        "postgresql://me:s3c%zzret@db.example.org/x",
        "postgresql://me:p@s3cret@db.example.org/x",
        "postgresql://me:s3cret@db1:5432,db2:no/x",
        "host=db password=s3cret",
        "mysql://me:s3cret@db/x",
    ] {
        let message = refusal(&[("WINSERVE__DATABASE__URL", url)]);
        assert!(message.contains("database.url") && !message.contains("s3c"), "{message}");
    }
    for url in [
        "postgresql:///winserve?host=%2Ftmp&user=me",
        "postgres://me:p%40ss@db:5432/x",
        "postgresql://me@db1:5432,db2:5433/x?target_session_attrs=read-write",
        "postgresql://me:s3cret@db1,[::1]:5433,%2Frun%2Fpostgresql/x",
        "postgresql://me:s3cret@/x?host=db1,db2&port=5432,5433",
        "postgresql://me@:5433/x",
    ] {
        let settings = load(&[("WINSERVE__DATABASE__URL", url)]).unwrap();
        assert_eq!(settings.database.url.unwrap().expose_secret(), url);
    }
}

#[test]
fn an_empty_database_url_means_none() {
    assert!(load(&[("WINSERVE__DATABASE__URL", "")]).unwrap().database.url.is_none());
}

#[test]
fn election_api_is_asked_only_where_it_is_configured() {
    assert_eq!(load(&[]).unwrap().election_api.url, None);
    let settings = load(&[("WINSERVE__ELECTION_API__URL", "http://e:1")]).unwrap();
    assert_eq!(settings.election_api.url.as_deref(), Some("http://e:1"));
    assert!(settings.printed().unwrap().contains("url = \"http://e:1\""));
    assert!(refusal(&[("WINSERVE__ELECTION_API__ULR", "x")]).contains("`ulr`"));
    let folded = load(&[("WINSERVE__ELECTION_API__SURFACE", "folded")]).unwrap();
    assert_eq!(folded.election_api.surface, ElectionSurface::Folded);
    let odd = refusal(&[("WINSERVE__ELECTION_API__SURFACE", "other")]);
    assert!(odd.contains("election_api.surface"), "{odd}");
}

#[test]
fn the_key_of_our_machine_is_a_value_or_a_file_and_never_travels_in_clear() {
    const URL: (&str, &str) = ("WINSERVE__ELECTION_API__URL", "https://e:1");
    const KEY: (&str, &str) = ("WINSERVE__ELECTION_API__MACHINE_SECRET_KEY", "ak_s3cret");
    const FILE: (&str, &str) = ("WINSERVE__ELECTION_API__MACHINE_SECRET_KEY_FILE", "/run/key");
    let key = |variables: &[(&str, &str)]| {
        let settings = load(variables).unwrap();
        let api = settings.election_api().map_err(|error| error.to_string())?;
        Ok::<_, String>(api.unwrap().machine_key.map(|key| format!("{key:?}")))
    };
    assert_eq!(key(&[URL]), Ok(None));
    assert_eq!(key(&[URL, (KEY.0, ""), (FILE.0, "")]), Ok(None), "empty is not set");
    assert!(!key(&[URL, KEY]).unwrap().unwrap().contains("s3cret"));
    assert!(key(&[URL, FILE]).unwrap().unwrap().contains("/run/key"));
    let both = key(&[URL, KEY, FILE]).unwrap_err();
    assert!(both.contains("election_api.machine_secret_key_file"), "{both}");
    let clear = key(&[(URL.0, "http://election-api.example.org"), KEY]).unwrap_err();
    assert!(clear.contains("election_api.url") && !clear.contains("s3cret"), "{clear}");
    assert_eq!(key(&[(URL.0, "http://election-api.example.org")]), Ok(None));
}

#[test]
fn people_api_is_asked_once_its_secret_is_there_too() {
    assert!(load(&[]).unwrap().people_api().unwrap().is_none());
    assert!(load(&[("WINSERVE__PEOPLE_API__URL", "")]).unwrap().people_api().unwrap().is_none());
    let message = refusal(&[("WINSERVE__PEOPLE_API__URL", "http://people-api.example.org")]);
    assert!(message.contains("people_api.url"), "{message}");
    let half = load(&[("WINSERVE__PEOPLE_API__URL", "https://p:1")]).unwrap();
    let message = half.people_api().unwrap_err().to_string();
    assert!(message.contains("WINSERVE__PEOPLE_API__S2S_SECRET"), "{message}");
    let whole = load(&[
        ("WINSERVE__PEOPLE_API__URL", "https://p:1"),
        ("WINSERVE__PEOPLE_API__S2S_SECRET", "s3cret"),
    ])
    .unwrap();
    assert_eq!(whole.people_api().unwrap().unwrap().0, "https://p:1");
    assert!(!format!("{whole:?}{}", whole.printed().unwrap()).contains("s3cret"));
}

#[test]
fn clerk_counts_once_its_secret_key_and_its_issuer_are_there() {
    assert!(load(&[]).unwrap().clerk().unwrap().is_none());
    assert!(load(&[("WINSERVE__CLERK__SECRET_KEY", "")]).unwrap().clerk().unwrap().is_none());
    let half = load(&[("WINSERVE__CLERK__SECRET_KEY", "sk_test_1")]).unwrap();
    assert!(half.clerk().unwrap_err().to_string().contains("WINSERVE__CLERK__ISSUER"));
    let whole = load(&[
        ("WINSERVE__CLERK__SECRET_KEY", "sk_test_s3cret"),
        ("WINSERVE__CLERK__ISSUER", "https://clerk.example.org"),
        ("WINSERVE__CLERK__AUTHORIZED_PARTIES", "https://a.example.org,https://b.example.org"),
    ])
    .unwrap();
    let clerk = whole.clerk().unwrap().unwrap();
    assert_eq!(clerk.issuer, "https://clerk.example.org");
    assert_eq!(&*clerk.section.api_url, "https://api.clerk.com/v1");
    assert_eq!(clerk.section.authorized_parties.len(), 2);
    assert!(!format!("{whole:?}{}", whole.printed().unwrap()).contains("s3cret"));
}

#[test]
fn secrets_of_messages_come_with_commas_and_are_never_shown() {
    let secrets = "whsec_czNjcmV0, whsec_czNjcmV0Mg==";
    let settings = load(&[("WINSERVE__CLERK__WEBHOOK_SECRET", secrets)]).unwrap();
    assert_eq!(settings.clerk.webhook_secret.len(), 2);
    let printed = settings.printed().unwrap();
    assert!(printed.contains("webhook_secret = \"[redacted]\"") && !printed.contains("czN"));
    assert!(!format!("{settings:?}").contains("czN"));
    assert!(load(&[]).unwrap().clerk.webhook_secret.is_empty());
}

#[test]
fn what_clerk_would_fail_for_is_named_by_its_key() {
    for (key, value) in [
        ("WINSERVE__CLERK__API_URL", "http://api.clerk.com/v1"),
        ("WINSERVE__CLERK__API_URL", ""),
        ("WINSERVE__CLERK__ISSUER", "clerk.example.org"),
        ("WINSERVE__CLERK__JWKS_URL", "ftp://clerk.example.org"),
        ("WINSERVE__CLERK__AUTHORIZED_PARTIES", "*"),
        ("WINSERVE__CLERK__AUTHORIZED_PARTIES", "app.example.org"),
    ] {
        let message = refusal(&[(key, value)]);
        let name = key.trim_start_matches("WINSERVE__CLERK__").to_lowercase().replace("__", ".");
        assert!(message.contains(&format!("clerk.{name}")), "{message}");
    }
    let settings = load(&[
        ("WINSERVE__CLERK__ISSUER", "https://clerk.example.org/"),
        ("WINSERVE__CLERK__JWKS_URL", ""),
        ("WINSERVE__CLERK__API_URL", "http://127.0.0.1:4000/v1"),
    ])
    .unwrap();
    assert_eq!(settings.clerk.issuer.as_deref(), Some("https://clerk.example.org"));
    assert_eq!(settings.clerk.jwks_url, None);
}

#[test]
fn what_the_workers_of_clerk_could_not_keep_to_is_refused_with_its_bounds() {
    for (key, values, bounds) in [
        (
            "requests_per_second",
            &["0", "-1", "nan", "inf", "1e300"][..],
            "0.01 to 10000 per second",
        ),
        ("workers", &["17"], "0 to 16"),
        ("lease_seconds", &["0", "14", "3601"], "15 to 3600 seconds: a create call"),
        ("settle_seconds", &["0", "3601"], "1 to 3600 seconds"),
        ("max_attempts", &["0", "1001"], "1 to 1000"),
    ] {
        let variable = format!("WINSERVE__CLERK__PROVISIONING__{}", key.to_uppercase());
        for value in values {
            let message = refusal(&[(&variable, value)]);
            let is_named = message.contains(&format!("clerk.provisioning.{key}"));
            assert!(is_named && message.contains(bounds), "{value}: {message}");
        }
        for value in ["many", "", "-1"] {
            let message = refusal(&[(&variable, value)]);
            assert!(message.contains(&format!("clerk.provisioning.{key}")), "{message}");
        }
    }
    let least = load(&[
        ("WINSERVE__CLERK__PROVISIONING__WORKERS", "0"),
        ("WINSERVE__CLERK__PROVISIONING__LEASE_SECONDS", "15"),
        ("WINSERVE__CLERK__PROVISIONING__SETTLE_SECONDS", "1"),
        ("WINSERVE__CLERK__PROVISIONING__MAX_ATTEMPTS", "1"),
    ]);
    let Provisioning { workers, lease_seconds, settle_seconds, max_attempts, .. } =
        least.unwrap().clerk.provisioning;
    assert_eq!((workers, lease_seconds, settle_seconds, max_attempts), (0, 15, 1, 1));
}

#[test]
fn what_the_server_could_not_keep_to_is_refused_with_its_bounds() {
    for (variable, value, bounds) in [
        ("SERVER__DRAIN_SECONDS", "61", "0 to 60 seconds"),
        ("SERVER__MIN_READ_BYTES_PER_SECOND", "0", "1 to 1048576"),
        ("SERVER__SLOW_READER_SECONDS", "0", "1 to 3600 seconds"),
        ("LIMITS__JSON_COLUMN_BYTES", "10", "65536 to 104857600 bytes"),
        ("LIMITS__LIST_JSON_BYTES", "10", "1048576 to 1073741824 bytes"),
        ("SERVER__TRUSTED_PROXIES", "10.0.0.0/33", "such as 10.0.0.0/8"),
    ] {
        let message = refusal(&[(&format!("WINSERVE__{variable}"), value)]);
        let key = variable.to_lowercase().replace("__", ".");
        assert!(message.contains(&key) && message.contains(bounds), "{message}");
    }
}

#[test]
fn proxies_are_addresses_or_networks() {
    let settings = load(&[("WINSERVE__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1")]).unwrap();
    let networks: Vec<_> =
        settings.server.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
}

#[test]
fn a_secret_of_digits_stays_a_text() {
    let settings = load(&[("WINSERVE__AUTH__LEGACY_SECRET", "00123")]).unwrap();
    assert_eq!(settings.legacy_secret().unwrap().expose_secret(), "00123");
}

#[test]
fn an_absent_or_empty_secret_is_asked_for_by_name() {
    for variables in [&[][..], &[("WINSERVE__AUTH__LEGACY_SECRET", "")]] {
        let error = load(variables).unwrap().legacy_secret().unwrap_err().to_string();
        assert!(error.contains("WINSERVE__AUTH__LEGACY_SECRET"), "{error}");
    }
}

/// Every key with a value, and the optional keys, as names of variables; also sections.
fn variables() -> Vec<String> {
    fn collect(prefix: &str, value: &toml::Value, names: &mut Vec<String>) {
        names.push(prefix.to_owned());
        for (key, value) in value.as_table().into_iter().flatten() {
            collect(&format!("{prefix}__{}", key.to_uppercase()), value, names);
        }
    }
    let all = load(&[
        ("WINSERVE__PHASE", "phase-2"),
        ("WINSERVE__AUTH__LEGACY_SECRET", "x"),
        ("WINSERVE__DATABASE__URL", "postgresql://host/db"),
        ("WINSERVE__CLERK__SECRET_KEY", "x"),
        ("WINSERVE__CLERK__ISSUER", "https://clerk.example.org"),
        ("WINSERVE__CLERK__JWKS_URL", "https://clerk.example.org"),
        ("WINSERVE__CLERK__WEBHOOK_SECRET", "x"),
        ("WINSERVE__ELECTION_API__URL", "https://e.example.org"),
        ("WINSERVE__PEOPLE_API__URL", "https://p.example.org"),
        ("WINSERVE__PEOPLE_API__S2S_SECRET", "x"),
    ]);
    let mut names = Vec::new();
    for (key, value) in all.unwrap().printed().unwrap().parse::<toml::Table>().unwrap() {
        collect(&format!("WINSERVE__{}", key.to_uppercase()), &value, &mut names);
    }
    names
}

#[test]
fn no_refusal_repeats_a_value_whatever_the_section_or_key() {
    let names = variables();
    for name in ["CLERK", "CLERK__PROVISIONING__WORKERS", "LOG__FORMAT", "DATABASE__URL"] {
        assert!(names.contains(&format!("WINSERVE__{name}")), "{names:?}");
    }
    for value in [
        "postgresql://u:sekret@h/db",
        "https://u:sekret@h/?a=sekret",
        "https://sekret@h, expected sekret",
        "[\"sekret\"]",
    ] {
        for name in &names {
            let key = name.trim_start_matches("WINSERVE__").to_lowercase().replace("__", ".");
            let Err(error) = load(&[(name, value)]) else { continue };
            let shown = format!("{error:?} {error} {:?}", std::error::Error::source(&error));
            assert!(shown.contains(&key) && !shown.contains("sekret"), "{name}: {shown}");
        }
    }
}

#[test]
fn a_broken_file_is_named_with_its_line_and_not_quoted() {
    let folder = std::env::temp_dir().join(format!("winserve-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("winserve.toml");
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let error = Settings::load(Some(&file), HashMap::new()).unwrap_err();
        format!("{error:?} {error}")
    };
    let broken = refused("[database]\nurl = postgresql://u:sekret@h/db\n");
    let mistyped = refused("database = \"postgresql://u:sekret@h/db\"\n");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(broken.contains("winserve.toml") && broken.contains("line 2"), "{broken}");
    assert!(mistyped.contains("database"), "{mistyped}");
    assert!(!broken.contains("sekret") && !mistyped.contains("sekret"), "{broken} {mistyped}");
    let absent = Settings::load(Some(&file), HashMap::new()).unwrap_err().to_string();
    assert!(absent.contains("winserve.toml"), "{absent}");
}

#[test]
fn secrets_are_neither_printed_nor_debugged() {
    let settings = load(&[
        ("WINSERVE__AUTH__LEGACY_SECRET", "s3cret"),
        ("WINSERVE__DATABASE__URL", "postgresql://me:s3cret@host/db"),
        ("WINSERVE__ELECTION_API__URL", "http://s3cret:@election.example.org/api"),
        ("WINSERVE__ELECTION_API__MACHINE_SECRET_KEY", "ak_s3cret"),
        ("WINSERVE__PEOPLE_API__URL", "https://me:s3cret@people.example.org"),
        ("WINSERVE__CLERK__API_URL", "https://me:s3cret@api.example.org/v1"),
        ("WINSERVE__CLERK__ISSUER", "https://s3cret@clerk.example.org"),
        ("WINSERVE__CLERK__JWKS_URL", "https://clerk.example.org/jwks.json?key=s3cret#s3cret"),
    ])
    .unwrap();
    let printed = settings.printed().unwrap();
    assert!(printed.contains("[redacted]"), "{printed}");
    assert!(printed.contains("@election.example.org/api"), "{printed}");
    let url = settings.people_api.url.as_deref();
    assert_eq!(url, Some("https://me:s3cret@people.example.org"), "it is used as it is");
    assert!(!format!("{printed}{settings:?}").contains("s3cret"));
}
