//! A port, and a runtime behind a blocking interface.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::guard::Guard;
use crate::routes::Pages;
use crate::site::{Site, Verbs};

/// Why nothing can be served, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    #[error(
        "there is no folder {}: `corpus clean raw/ {}` makes it, and can be watched as soon as it has begun", .0.display(), .0.display()
    )]
    NoFolder(PathBuf),
    #[error("cannot listen on {address}: {source}; --port gives another port, 0 any that is free")]
    Port { address: SocketAddr, source: io::Error },
    #[error("the server cannot start: {0}")]
    System(#[from] io::Error),
}

/// A server that listens, and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<String>,
    site: Arc<Site>,
}

/// How often the flag that stops it is looked at.
const LOOKS: Duration = Duration::from_millis(100);

impl Server {
    /// Listens for who wants to see an output folder. Port 0: any that is free. Beyond this machine, a token is wanted of
    /// everyone.
    ///
    /// # Errors
    /// There is no such folder, or the port is taken.
    pub fn bind(out: &Path, ip: IpAddr, port: u16, verbs: impl Verbs) -> Result<Server, ServeError> {
        if !out.is_dir() {
            return Err(ServeError::NoFolder(out.to_path_buf()));
        }
        let wanted = SocketAddr::new(ip, port);
        let listener =
            TcpListener::bind(wanted).map_err(|source| ServeError::Port { address: wanted, source })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let token = if ip.is_loopback() { None } else { Some(token()?) };
        let site = Arc::new(Site::new(out, Box::new(verbs)));
        Ok(Server { listener, address, token, site })
    }

    /// What a browser is to open.
    pub fn url(&self) -> String {
        match &self.token {
            None => format!("http://{}/", self.address),
            Some(token) => format!("http://{}/?token={token}", self.address),
        }
    }

    /// Answers until the flag is raised.
    ///
    /// # Errors
    /// The system gives no threads or no sockets.
    pub fn run(self, stop: &AtomicBool) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let pages = Pages::new(self.site, Guard::new(self.address, self.token));
            tokio::spawn(answer(listener, Arc::new(pages)));
            while !stop.load(Ordering::Relaxed) {
                tokio::time::sleep(LOOKS).await;
            }
            Ok::<(), ServeError>(())
        })?;
        // A query that nobody waits for any more does not keep the process.
        runtime.shutdown_background();
        Ok(())
    }
}

/// Answers whoever connects, each connection on its own.
async fn answer(listener: tokio::net::TcpListener, pages: Arc<Pages>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No file is left to be opened, or the like: that passes.
            tokio::time::sleep(LOOKS).await;
            continue;
        };
        let pages = pages.clone();
        let service = service_fn(move |request| {
            let pages = pages.clone();
            async move { Ok::<_, Infallible>(pages.answer(request).await) }
        });
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
        // One that breaks off has nobody to be told.
        tokio::spawn(async move { drop(connection.await) });
    }
}

/// 128 bits of the system's randomness, as hexadecimal digits.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
