//! A real PgBouncer in front of a cluster.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use tokio::net::TcpStream;

use super::daemon::Daemon;
use super::eventually;
use super::postgres::Cluster;
use super::programs::{lasting_port, program, unprivileged};

/// A running PgBouncer with few sessions at the server, so that clients have to share them; it stops with the test.
pub struct PgBouncer {
    address: String,
    _daemon: Daemon,
}

impl PgBouncer {
    /// Starts it with these lines beside the necessary ones, such as `pool_mode = transaction`.
    pub async fn start(cluster: &Cluster, lines: &str) -> PgBouncer {
        let port = lasting_port();
        let (host, server_port) = cluster.address().split_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
        let daemon = Daemon::start(&program("pgbouncer"), |folder, command| {
            let config = format!(
                "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = users\ndefault_pool_size = 3\nmax_client_conn = 500\n{lines}\n"
            );
            // It refuses to run as root.
            for (name, text) in [("pgbouncer.ini", config.as_str()), ("users", "\"postgres\" \"\"\n")] {
                fs::write(folder.join(name), text).unwrap();
                fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
            }
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
            if let Some((uid, gid)) = unprivileged() {
                command.uid(uid).gid(gid);
            }
            command.arg("pgbouncer.ini");
        });
        let address = format!("127.0.0.1:{port}");
        eventually("PgBouncer listens", async || TcpStream::connect(&address).await.ok()).await;
        PgBouncer { address, _daemon: daemon }
    }

    /// `127.0.0.1:…`.
    pub fn address(&self) -> &str {
        &self.address
    }
}
