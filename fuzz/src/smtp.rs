//! The replies of a mail server.

use neodyme::accounts::topics::WELCOME_EMAIL;
use neodyme::mail::{Mail, MailKind, Mailer};
use neodyme::outbox::Job;
use serde_json::json;

use super::configuration;
use super::jobs::{self, assert_told};
use super::peer::Peer;
use super::runtime::block_on;
use super::shown::assert_tidy;

const PASSWORD: &str = "parrot-4711";
/// The password in base64, as AUTH sends it, wherever in a group of three bytes it begins.
const ENCODED: [&str; 3] = ["cGFycm90LTQ3MT", "BhcnJvdC00NzEx", "wYXJyb3QtNDcxM"];

thread_local! {
    static WORLD: World = block_on(World::start());
}

struct World {
    server: Peer,
    mailer: Mailer,
    job: Job,
}

/// Whatever the server says, a delivery ends soon, reads a bounded part of it, and tells neither password nor address.
pub fn check(input: &[u8]) {
    WORLD.with(|world| block_on(world.server.talk_during(input, world.deliver())));
}

impl World {
    async fn start() -> World {
        let server = Peer::start(true).await;
        let port = server.port().to_string();
        let config = configuration::with(&[
            ("smtp_host", "127.0.0.1"),
            ("smtp_port", &port),
            ("smtp_tls", "none"),
            ("smtp_username", "neodyme"),
            ("smtp_password", PASSWORD),
            ("smtp_timeout", "5s"),
        ]);
        let mailer = Mailer::new(&config.mail).expect("the settings are good");
        World { server, mailer, job: jobs::job(WELCOME_EMAIL, json!({})) }
    }

    /// A look at the server, and two mails, the second over the connection of the first where that is kept.
    async fn deliver(&self) {
        if let Err(cause) = self.mailer.probe().await {
            assert_silent(&cause.to_string());
        }
        let mail = Mail {
            kind: MailKind::Welcome,
            job: &self.job,
            email: "jane.canary@example.com",
            full_name: "Jane Canary",
            language: None,
            code: None,
        };
        for _ in 0..2 {
            match self.mailer.send(&mail).await {
                Ok(receipt) => assert!(receipt.code.is_some_and(|code| (200..300).contains(&code)), "{receipt:?}"),
                Err(failure) => {
                    assert_told(&failure);
                    assert_silent(&failure.cause.to_string());
                }
            }
        }
        self.mailer.end().await;
    }
}

/// Fails if the cause names an address, or repeats what the server was told in confidence.
fn assert_silent(cause: &str) {
    assert_tidy(cause, 1000);
    assert!(!cause.contains('@'), "an address in {cause}");
    assert!(!ENCODED.iter().chain([&PASSWORD]).any(|form| cause.contains(form)), "the password in {cause}");
}
