//! Forwards local ports through a task to a host that the task can reach. All connections share one session. If the
//! session ends, because it was idle or its task stopped, the next connection opens a new one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    Event, Input, Session, Tasks,
    payload::{Flag, PORT, is_later},
    smux::{Command, Decoder, Frame, LONGEST},
};
use crate::{
    kind::Context,
    model::{Failure, Subject},
};

/// The last version of the agent that supports only one connection per session.
const ONE_BY_ONE: &str = "3.0.196.0";

/// The last version of the agent that ends a session after 30 s without input.
const IMPATIENT: &str = "3.1.1511.0";

/// How often such an agent is sent a keep-alive.
const ALIVE: Duration = Duration::from_secs(10);

/// How long a session may take to open.
const OPENING: Duration = Duration::from_secs(60);

/// How long a session may take to close.
const CLOSING: Duration = Duration::from_secs(6);

/// The pause after a failed accept. A client that disconnected does not matter, and file descriptors become free again.
const NOT_TAKEN: Duration = Duration::from_millis(100);

/// How many received pieces are buffered for a connection.
const WAITING: usize = 64;

/// The destination of the connections.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The host as seen from the task, or `None` for the task itself.
    pub host: Option<String>,
    /// The port of the destination.
    pub port: u16,
}

/// An event while ports are forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The connections now use this task.
    Through(String),
    /// The task cannot connect to the host and port.
    NobodyThere,
    /// The session and its connections have ended, with the reason.
    Ended(String),
    /// A connection could not be forwarded.
    NoWay(Failure),
}

/// The configuration of a port forwarding.
pub struct Forward<'a> {
    cx: &'a Context,
    tasks: Tasks<'a>,
    remote: Remote,
    id: Option<&'a str>,
}

type Say = mpsc::UnboundedSender<Said>;
type Streams = Arc<Mutex<HashMap<u32, mpsc::Sender<Vec<u8>>>>>;

impl<'a> Forward<'a> {
    /// Creates a forwarding to `remote` through one of these tasks, or the one whose id starts with `id`.
    pub fn new(cx: &'a Context, tasks: Tasks<'a>, remote: Remote, id: Option<&'a str>) -> Self {
        Self { cx, tasks, remote, id }
    }

    /// Forwards the connections to `listener` until `stop`, and sends events to `say`.
    ///
    /// # Errors
    /// If the first session cannot be opened. No event is sent then.
    pub async fn serve(&self, listener: &TcpListener, say: Say, stop: impl Future<Output = ()>) -> Result<(), Failure> {
        tokio::pin!(stop);
        let mut way = Some(tokio::select! {
            way = self.open(&say) => way?,
            () = &mut stop => return Ok(()),
        });
        loop {
            let ended = async {
                match &mut way {
                    Some(way) => (&mut way.ended).await.unwrap_or_else(|error| error.to_string()),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut stop => {
                    if let Some(way) = way {
                        way.end().await;
                    }
                    return Ok(());
                }
                why = ended => {
                    drop(say.send(Said::Ended(why)));
                    way = None;
                }
                accepted = listener.accept() => {
                    let Ok((connection, _)) = accepted else {
                        sleep(NOT_TAKEN).await;
                        continue;
                    };
                    if way.is_none() {
                        let opened = tokio::select! {
                            opened = self.open(&say) => opened,
                            () = &mut stop => return Ok(()),
                        };
                        match opened {
                            Ok(opened) => way = Some(opened),
                            Err(failure) => drop(say.send(Said::NoWay(failure))),
                        }
                    }
                    if let Some(way) = &mut way {
                        way.carry(connection);
                    }
                }
            }
        }
    }

    async fn open(&self, say: &Say) -> Result<Way, Failure> {
        let task = self.tasks.pick(self.id).await?;
        let started = task.forward(self.cx, self.remote.host.as_deref(), self.remote.port).await?;
        let session = Session::open(self.cx, started).await?;
        let way = Way::begin(session, say.clone()).await?;
        drop(say.send(Said::Through(task.id().to_owned())));
        Ok(way)
    }
}

/// A session with its connections.
struct Way {
    input: mpsc::Sender<Input>,
    streams: Streams,
    last: u32,
    ended: JoinHandle<String>,
    driver: JoinHandle<()>,
}

impl Way {
    async fn begin(mut session: Session, say: Say) -> Result<Self, Failure> {
        let failed = |why: String| Failure::about(Subject::command("forward"), why);
        let agent = timeout(OPENING, greeted(&mut session.events)).await;
        let agent = agent.map_err(|_| failed("timed out waiting for the task's agent".to_owned()))?.map_err(failed)?;
        if !is_later(&agent, ONE_BY_ONE) {
            return Err(failed(format!("the task's agent is too old ({agent}): a new task gets a newer one")));
        }
        if !is_later(&agent, IMPATIENT) {
            tokio::spawn(stay_alive(session.input.downgrade()));
        }
        let streams = Streams::default();
        let ended = tokio::spawn(hand_out(session.events, Arc::clone(&streams), say));
        // Clients use odd stream ids, starting with 3.
        Ok(Self { input: session.input, streams, last: 1, ended, driver: session.driver })
    }

    /// Closes the connections and ends the session.
    async fn end(self) {
        let Self { input, streams, ended, driver, .. } = self;
        known(&streams).clear();
        drop(input);
        drop(timeout(CLOSING, driver).await);
        ended.abort();
    }

    fn carry(&mut self, connection: TcpStream) {
        drop(connection.set_nodelay(true));
        self.last = self.last.wrapping_add(2);
        let (sender, pieces) = mpsc::channel(WAITING);
        known(&self.streams).insert(self.last, sender);
        tokio::spawn(carry(connection, self.last, self.input.clone(), pieces, Arc::clone(&self.streams)));
    }
}

fn known(streams: &Streams) -> std::sync::MutexGuard<'_, HashMap<u32, mpsc::Sender<Vec<u8>>>> {
    streams.lock().expect("nobody panics while holding this")
}

/// Waits until the session is open and returns the agent's version.
async fn greeted(events: &mut mpsc::Receiver<Event>) -> Result<String, String> {
    let mut version = String::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Greeted { agent, session } if session == PORT => version = agent,
            Event::Greeted { session, .. } => {
                return Err(format!("the agent opened an unexpected session: {session}"));
            }
            Event::Ready => return Ok(version),
            Event::Closed(why) if why.is_empty() => return Err("the session ended immediately".to_owned()),
            Event::Closed(why) => return Err(why),
            _ => {}
        }
    }
    Err("the session ended immediately".to_owned())
}

async fn stay_alive(input: mpsc::WeakSender<Input>) {
    let nothing = Frame::bare(Command::Nothing, 0).encode();
    loop {
        sleep(ALIVE).await;
        let Some(input) = input.upgrade() else { return };
        if input.send(Input::Data(nothing.clone())).await.is_err() {
            return;
        }
    }
}

/// Passes received data to the connections. Returns why the session has ended.
async fn hand_out(mut events: mpsc::Receiver<Event>, streams: Streams, say: Say) -> String {
    let mut decoder = Decoder::default();
    let mut why = String::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Data(bytes) => {
                let Ok(frames) = decoder.decode(&bytes) else {
                    "the agent sent an invalid frame".clone_into(&mut why);
                    break;
                };
                for frame in frames {
                    match frame.command {
                        Command::Data => {
                            let stream = known(&streams).get(&frame.stream).cloned();
                            if let Some(stream) = stream {
                                // A failed send means that the connection is being closed.
                                drop(stream.send(frame.data).await);
                            }
                        }
                        Command::End => drop(known(&streams).remove(&frame.stream)),
                        Command::Begin | Command::Nothing => {}
                    }
                }
            }
            Event::Flag(Flag::NotConnected) => drop(say.send(Said::NobodyThere)),
            Event::Closed(closed) => {
                why = closed;
                break;
            }
            _ => {}
        }
    }
    known(&streams).clear();
    why
}

/// Carries one connection until either end closes it. Streams cannot be half closed.
async fn carry(
    connection: TcpStream,
    stream: u32,
    input: mpsc::Sender<Input>,
    mut pieces: mpsc::Receiver<Vec<u8>>,
    streams: Streams,
) {
    let (mut reader, mut writer) = connection.into_split();
    let frame = |frame: Frame| Input::Data(frame.encode());
    if input.send(frame(Frame::bare(Command::Begin, stream))).await.is_err() {
        return;
    }
    let there = async {
        let mut buffer = vec![0; LONGEST];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            let data = buffer[..length].to_vec();
            if input.send(frame(Frame { command: Command::Data, stream, data })).await.is_err() {
                return;
            }
        }
    };
    let back = async {
        while let Some(piece) = pieces.recv().await {
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
        drop(writer.shutdown().await);
    };
    tokio::select! {
        () = there => {}
        () = back => {}
    }
    known(&streams).remove(&stream);
    drop(input.send(frame(Frame::bare(Command::End, stream))).await);
}
