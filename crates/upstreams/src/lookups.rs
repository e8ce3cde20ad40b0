//! Looks up host names without the runtime's threads.
//!
//! The system's lookup blocks its thread until the name server answers, even when nobody waits for it any
//! more. On the runtime's threads, one service whose name server hangs would block all of them, and so the
//! lookups for every other service.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;
/// Empty until there is an answer.
type Answer = watch::Receiver<Option<Found>>;

/// One lookup per host at a time, on its own thread, shared by everybody who asks meanwhile.
#[derive(Debug, Clone)]
pub struct Lookups {
    under_way: Arc<Mutex<HashMap<String, Answer>>>,
    look_up: fn(&str) -> io::Result<Vec<SocketAddr>>,
}

impl Default for Lookups {
    /// Calls the system's resolver.
    fn default() -> Self {
        // The caller sets the port.
        Self::with(|host| Ok((host, 0).to_socket_addrs()?.collect()))
    }
}

impl Lookups {
    fn with(look_up: fn(&str) -> io::Result<Vec<SocketAddr>>) -> Self {
        Self { under_way: Arc::default(), look_up }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Answer>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, host: &str) -> io::Result<Answer> {
        let mut under_way = self.lock();
        if let Some(answer) = under_way.get(host) {
            return Ok(answer.clone());
        }
        let (sender, answer) = watch::channel(None);
        let (lookups, name) = (self.clone(), host.to_owned());
        thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let found = (lookups.look_up)(&name).map_err(Arc::new);
            lookups.lock().remove(&name);
            sender.send_replace(Some(found));
        })?;
        under_way.insert(host.to_owned(), answer.clone());
        Ok(answer)
    }
}

impl Resolve for Lookups {
    fn resolve(&self, name: Name) -> Resolving {
        let asked = self.ask(name.as_str());
        Box::pin(async move {
            let mut answer = asked?;
            let found = answer.wait_for(Option::is_some).await?.clone();
            let addresses: Addrs = Box::new(found.unwrap_or_else(|| Ok(Vec::new()))?.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use reqwest::dns::{Name, Resolve as _};

    use super::Lookups;

    #[tokio::test]
    async fn a_host_is_looked_up_by_the_system() {
        let name: Name = "localhost".parse().unwrap();
        let found: Vec<_> = Lookups::default().resolve(name).await.unwrap().collect();
        assert!(found.iter().any(|it| it.ip().is_loopback()), "{found:?}");
    }

    #[tokio::test]
    async fn who_asks_while_a_name_server_hangs_starts_no_further_lookup() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        let lookups = Lookups::with(|host| {
            if host == "hangs.example.org" {
                LOOKUPS.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_hours(1));
            }
            Err(io::Error::other("unknown"))
        });
        for _ in 0..100 {
            let asked = lookups.resolve("hangs.example.org".parse().unwrap());
            assert!(tokio::time::timeout(Duration::from_millis(1), asked).await.is_err());
        }
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), 1);
        let other = lookups.resolve("other.example.org".parse().unwrap()).await;
        assert!(other.err().unwrap().to_string().contains("unknown"), "others are answered");
    }
}
