//! Accepts connections on loopback, a thread for each, and ends all of them when it is dropped, so that nothing
//! outlives its test.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A connection that is silent for so long is given up: a backstop for a hung client, not a pace.
const SILENCE: Duration = Duration::from_secs(60);

/// An open port of 127.0.0.1.
pub struct Listener {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<bool>>,
}

impl Listener {
    /// Listens on a free port; `serve` gets each connection in a thread of its own.
    pub fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Listener {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let accepting = thread::spawn({
            let stop = Arc::clone(&stop);
            move || accept(&listener, &stop, &Arc::new(serve))
        });
        Listener { address, stop, accepting: Some(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    /// Closes what is open and waits for the threads. A handler's panic becomes the test's.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // accept() has no deadline: a connection of our own wakes it.
        drop(TcpStream::connect(self.address));
        let fine = self.accepting.take().is_none_or(|thread| thread.join().unwrap_or(false));
        assert!(fine || thread::panicking(), "a loopback server's handler panicked; see above");
    }
}

/// Runs until `stop`; whether every connection's thread ended without a panic.
fn accept<F>(listener: &TcpListener, stop: &AtomicBool, serve: &Arc<F>) -> bool
where
    F: Fn(TcpStream) + Send + Sync + 'static,
{
    let mut open: Vec<(TcpStream, JoinHandle<()>)> = Vec::new();
    let mut fine = true;
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        let (ended, going): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, thread)| thread.is_finished());
        fine &= ended.into_iter().all(|(_, thread)| thread.join().is_ok());
        open = going;
        let serve = Arc::clone(serve);
        let thread = thread::spawn(move || {
            stream.set_read_timeout(Some(SILENCE)).unwrap();
            stream.set_write_timeout(Some(SILENCE)).unwrap();
            let _ = stream.set_nodelay(true);
            // `open` holds a second handle to this socket, so dropping ours would not tell the peer that it is over.
            let closing = Closing(stream.try_clone().unwrap());
            serve(stream);
            drop(closing);
        });
        open.push((handle, thread));
    }
    for (stream, _) in &open {
        let _ = stream.shutdown(Shutdown::Both);
    }
    open.into_iter().fold(fine, |fine, (_, thread)| thread.join().is_ok() && fine)
}

/// Shuts the socket down, also when the handler panics.
struct Closing(TcpStream);

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
