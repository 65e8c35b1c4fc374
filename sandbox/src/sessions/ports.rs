//! Port forwarding from inside a task: many connections in one session, with version 1 of smux.

use std::collections::HashMap;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::wire::{DATA, FLAG, Said};

/// The destination of the connections.
pub(crate) struct Target {
    pub(crate) host: String,
    /// The port that the client named.
    pub(crate) port: u16,
    /// The port on this computer on which the task really listens.
    pub(crate) real: u16,
}

const BEGIN: u8 = 0;
const END: u8 = 1;
const PUSH: u8 = 2;
const NOTHING: u8 = 3;

/// The signal of a client that ends the session.
const TERMINATE: [u8; 4] = [0, 0, 0, 2];
/// The signal that nothing listens on the port.
const NOT_CONNECTED: [u8; 4] = [0, 0, 0, 3];

fn frame(command: u8, stream: u32, data: &[u8]) -> Said {
    let mut bytes = vec![1, command];
    bytes.extend(u16::try_from(data.len()).expect("it is at most 16 KiB").to_le_bytes());
    bytes.extend(stream.to_le_bytes());
    bytes.extend(data);
    Said::Payload(DATA, bytes)
}

pub(super) async fn run(target: Target, mut told: mpsc::UnboundedReceiver<(u32, Vec<u8>)>, say: mpsc::Sender<Said>) {
    let mut streams: HashMap<u32, mpsc::UnboundedSender<Vec<u8>>> = HashMap::new();
    let mut bytes: Vec<u8> = Vec::new();
    while let Some((payload_type, payload)) = told.recv().await {
        match payload_type {
            DATA => bytes.extend(payload),
            FLAG if payload == TERMINATE => break,
            _ => continue,
        }
        let mut at = 0;
        while let Some(head) = bytes.get(at..at + 8) {
            let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let stream = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            let (version, command) = (head[0], head[1]);
            let Some(data) = bytes.get(at + 8..at + 8 + length) else { break };
            if version != 1 {
                return drop(say.send(Said::Over("invalid protocol".to_owned())).await);
            }
            match command {
                BEGIN => {
                    let (sender, pieces) = mpsc::unbounded_channel();
                    streams.entry(stream).or_insert_with(|| {
                        tokio::spawn(carry((target.host.clone(), target.real), stream, pieces, say.clone()));
                        sender
                    });
                }
                END => drop(streams.remove(&stream)),
                PUSH => {
                    if let Some(stream) = streams.get(&stream) {
                        drop(stream.send(data.to_vec()));
                    }
                }
                NOTHING => {}
                _ => return drop(say.send(Said::Over("invalid protocol".to_owned())).await),
            }
            at += 8 + length;
        }
        bytes.drain(..at);
    }
    drop(say.send(Said::Over(String::new())).await);
}

async fn carry(to: (String, u16), stream: u32, mut pieces: mpsc::UnboundedReceiver<Vec<u8>>, say: mpsc::Sender<Said>) {
    let Ok(connection) = TcpStream::connect(to).await else {
        drop(say.send(Said::Payload(FLAG, NOT_CONNECTED.to_vec())).await);
        return drop(say.send(frame(END, stream, &[])).await);
    };
    let (mut reader, mut writer) = connection.into_split();
    let back = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            if say.send(frame(PUSH, stream, &buffer[..length])).await.is_err() {
                return;
            }
        }
    };
    let there = async {
        while let Some(piece) = pieces.recv().await {
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = back => {}
        () = there => {}
    }
    drop(say.send(frame(END, stream, &[])).await);
}
