//! HTTP on a loopback port, on a thread of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::desk::{Call, Desk};
use crate::wire;
use crate::world::World;

/// A running stand-in for Awin's API. It stops when dropped.
///
/// All methods block and need no async runtime. Do not call the server while holding the guard of [`Sandbox::world`].
pub struct Sandbox {
    desk: Arc<Desk>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts on a free port.
    ///
    /// # Panics
    /// If no port can be had.
    pub fn start(world: World) -> Self {
        Self::start_on(0, world).expect("a free loopback port")
    }

    /// Starts on `port`.
    pub fn start_on(port: u16, world: World) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let desk = Arc::new(Desk::new(world));
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&desk);
        let thread = std::thread::Builder::new().name("awin-sandbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = serve(listener, served) => {}
                }
            });
        })?;
        Ok(Self { desk, address, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The world, to be looked at or changed. Requests wait until the guard is dropped.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.desk.world()
    }

    /// Every request received since the start or the last [`Sandbox::clear_calls`], in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.desk.calls()
    }

    /// Forgets the calls. (The throttle does not.)
    pub fn clear_calls(&self) {
        self.desk.clear_calls();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens if the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Accepts connections for ever.
async fn serve(listener: TcpListener, desk: Arc<Desk>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(|request| wire::handle(&desk, request));
            // Errors are the faults that were asked for, or clients that went away.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
