//! Listening sockets that can be shut and opened again on the same port, and connections that can be reset.
//! A second socket stays bound to the port without listening: while the door is shut the kernel answers RST
//! (ECONNREFUSED) and hands the port to nobody else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

/// Something whose outgoing connections come from a loopback address of its own.
pub trait Source {
    /// The address its outgoing connections are bound to.
    fn source(&self) -> IpAddr;
}

/// A loopback address that no other proxy on this machine is likely to use.
pub fn loopback_source() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let serial = NEXT.fetch_add(1, Ordering::Relaxed);
    let mix = std::process::id().wrapping_mul(0x9E37_79B1);
    let [a, b, ..] = mix.to_be_bytes();
    // The low byte and part of the next count proxies of this process; 127.0.x.x is left to everybody else.
    let (high, low) = ((serial / 250) as u8, (serial % 250) as u8 + 2);
    IpAddr::V4(Ipv4Addr::new(127, (a % 250) + 2, b ^ high, low))
}

#[derive(Debug)]
pub(crate) struct Door {
    _reserved: Socket,
    addr: SocketAddr,
    buffer: Option<usize>,
}

impl Door {
    pub(crate) fn bind(addr: SocketAddr, buffer: Option<usize>) -> std::io::Result<Self> {
        let reserved = bound(addr, buffer)?;
        let addr = reserved.local_addr()?.as_socket().expect("an IP socket has an IP address");
        Ok(Self { _reserved: reserved, addr, buffer })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn open(&self) -> std::io::Result<TcpListener> {
        let socket = bound(self.addr, self.buffer)?;
        socket.listen(4096)?;
        TcpListener::from_std(socket.into())
    }
}

fn bound(addr: SocketAddr, buffer: Option<usize>) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if let Some(bytes) = buffer {
        // Accepted sockets inherit these, and the window is fixed before the first byte.
        socket.set_recv_buffer_size(bytes)?;
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(&addr.into())?;
    Ok(socket)
}

/// Holds the port of a process that comes and goes.
pub(crate) fn reserve(addr: SocketAddr) -> std::io::Result<(Socket, SocketAddr)> {
    let socket = bound(addr, None)?;
    let addr = socket.local_addr()?.as_socket().expect("an IP socket has an IP address");
    Ok((socket, addr))
}

/// The sockets of one connection, kept at hand so that they can be reset from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leash(Arc<Mutex<Vec<Socket>>>);

impl Leash {
    pub(crate) fn hold(&self, stream: &TcpStream) {
        if let Ok(copy) = SockRef::from(stream).try_clone() {
            self.0.lock().expect("no holder of this lock panics").push(copy);
        }
    }

    /// Arms every socket so that its last close is a RST, and lets go of it.
    pub(crate) fn reset(&self) {
        for socket in self.0.lock().expect("no holder of this lock panics").drain(..) {
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
    }

    /// Lets go without resetting: the next close is an ordinary one.
    pub(crate) fn release(&self) {
        self.0.lock().expect("no holder of this lock panics").clear();
    }
}
