//! Sessions of Session Manager with a running task: a command in it, or ports forwarded through it. The protocol of its data
//! channel is spoken here, so that no plugin has to be installed; `docs/adr/0011` says why.
//!
//! `message`, `payload`, `channel` and `smux` are the protocol, without sockets; `socket` is the WebSocket; `start` is what
//! AWS has to be asked for; this module and `forward` put them together.

mod channel;
mod forward;
mod message;
mod payload;
mod smux;
mod socket;
mod start;

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::tungstenite;

use crate::{
    kind::Context,
    model::{Failure, On, Permission},
};
use channel::Channel;
use message::Payload;
use socket::Socket;

pub use channel::Event;
pub use forward::{Forward, Remote, Said};
pub use payload::{Flag, Size};
pub use start::{Running, Started, Tasks};

/// What sessions need of AWS.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>,
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html>
pub const PERMISSIONS: &[Permission] = &[
    Permission::look(&["ecs:DescribeTasks", "ecs:ListTasks"]),
    Permission::session(
        &["ecs:ExecuteCommand", "ssm:StartSession"],
        On::Named(&[
            "ecs:{region}:{account}:*/{name:255}*",
            // AWS's own documents, which have no account: to a port of the task, and from there to another host.
            "ssm:*:*:document/AWS-StartPort*",
        ]),
    ),
    // AWS names a session after who began it; its id is known only then.
    Permission::session(
        &["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
        On::Named(&["ssm:{region}:{account}:session/*"]),
    ),
];

/// How often it is looked whether a message has to be sent again.
const REPEAT: Duration = Duration::from_millis(50);

/// How often a ping keeps the connection in the memory of what stands between.
const PING: Duration = Duration::from_secs(60);

/// How often ECS is asked whether the task still runs: a task that dies says nothing on the channel.
const LOOK: Duration = Duration::from_secs(3);

/// How long an agent may take to begin its handshake until it is taken for one that makes none.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How often a lost connection is tried again, and how long it is waited before the second time, doubled each time.
const RECONNECT: (u32, Duration) = (5, Duration::from_millis(500));

/// How long the last words may take to arrive.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is sent to the agent.
#[derive(Clone, Debug)]
pub enum Input {
    /// Bytes of the session.
    Data(Vec<u8>),
    /// The terminal has this size.
    Size(Size),
}

/// A session under way.
pub struct Session {
    /// What is sent; the session ends when all of these are gone.
    pub input: mpsc::Sender<Input>,
    /// What comes; the last one is an [`Event::Closed`].
    pub events: mpsc::Receiver<Event>,
    driver: JoinHandle<()>,
}

impl Session {
    /// Opens the data channel of what was started.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open(cx: &Context, started: Started) -> Result<Self, Failure> {
        let client = uuid::Uuid::new_v4().to_string();
        let socket = socket::open(&cx.aws, &started.url, &started.token, &client).await?;
        let (input, inputs) = mpsc::channel(16);
        let (sender, events) = mpsc::channel(64);
        let driver = Driver { cx: cx.clone(), started, client, channel: Channel::default(), events: sender };
        let driver = tokio::spawn(driver.run(socket, inputs));
        Ok(Self { input, events, driver })
    }

    /// Ends it from here, as far as nobody else sends something.
    pub async fn end(self) {
        let Self { input, events, driver } = self;
        drop((input, events));
        drop(timeout(FAREWELL * 3, driver).await);
    }
}

/// What keeps a channel and its socket together.
struct Driver {
    cx: Context,
    started: Started,
    client: String,
    channel: Channel,
    events: mpsc::Sender<Event>,
}

/// Why a socket is done with.
enum Done {
    /// The session is over.
    Over,
    /// The connection is lost.
    Lost(String),
    /// Nobody here wants it any more.
    Left,
}

impl Driver {
    async fn run(mut self, mut socket: Socket, mut inputs: mpsc::Receiver<Input>) {
        loop {
            match self.drive(&mut socket, &mut inputs).await {
                Done::Over => return,
                Done::Left => return self.leave(&mut socket).await,
                Done::Lost(why) => {
                    let Some(again) = self.again().await else {
                        let why = format!("lost the connection to Session Manager: {why}");
                        return drop(self.events.send(Event::Closed(why)).await);
                    };
                    socket = again;
                }
            }
        }
    }

    async fn drive(&mut self, socket: &mut Socket, inputs: &mut mpsc::Receiver<Input>) -> Done {
        let mut repeat = interval(REPEAT);
        repeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ping = interval(PING);
        let opened = Instant::now();
        let watch = self.started.task.clone().watch(self.cx.clone(), LOOK);
        tokio::pin!(watch);
        loop {
            if let Err(error) = self.write(socket).await {
                return self.hear_out(socket, error.to_string()).await;
            }
            tokio::select! {
                biased;
                arrived = socket.next() => {
                    let bytes = match arrived {
                        Some(Ok(tungstenite::Message::Binary(bytes))) => bytes,
                        Some(Ok(tungstenite::Message::Text(text))) => text.into(),
                        Some(Ok(tungstenite::Message::Close(_))) | None => {
                            return Done::Lost("closed by the other end".to_owned());
                        }
                        Some(Ok(_)) => continue,
                        Some(Err(error)) => return Done::Lost(error.to_string()),
                    };
                    if let Some(done) = self.hear(&bytes).await {
                        return done;
                    }
                }
                why = &mut watch => {
                    drop(self.events.send(Event::Closed(why)).await);
                    return Done::Over;
                }
                input = inputs.recv(), if self.channel.has_room() => match input {
                    Some(Input::Data(bytes)) => self.channel.send(Payload::Data, &bytes, Instant::now()),
                    Some(Input::Size(size)) => {
                        let size = serde_json::to_vec(&size).expect("it is plain data");
                        self.channel.send(Payload::Size, &size, Instant::now());
                    }
                    None => return Done::Left,
                },
                _ = repeat.tick() => {
                    if !self.channel.repeat(Instant::now()) {
                        return Done::Lost("the other end stopped answering".to_owned());
                    }
                    if !self.channel.is_ready() && opened.elapsed() > HANDSHAKE {
                        self.channel.begin();
                        if self.events.send(Event::Ready).await.is_err() {
                            return Done::Left;
                        }
                    }
                }
                _ = ping.tick() => {
                    if let Err(error) = socket.send(tungstenite::Message::Ping(tungstenite::Bytes::new())).await {
                        return self.hear_out(socket, error.to_string()).await;
                    }
                }
            }
        }
    }

    /// Writes all that is to be written now.
    async fn write(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        for bytes in self.channel.outbox() {
            socket.feed(tungstenite::Message::binary(bytes)).await?;
        }
        socket.flush().await
    }

    /// Hands on what a message says; gives how the socket is done with, if it is.
    async fn hear(&mut self, bytes: &[u8]) -> Option<Done> {
        for event in self.channel.receive(bytes, Instant::now()) {
            let is_last = matches!(event, Event::Closed(_));
            if self.events.send(event).await.is_err() {
                return Some(Done::Left);
            }
            if is_last {
                return Some(Done::Over);
            }
        }
        None
    }

    /// A connection takes nothing any more, because of `why`: what has arrived on it before may be the session's end, and is
    /// heard first.
    async fn hear_out(&mut self, socket: &mut Socket, why: String) -> Done {
        while let Ok(Some(Ok(message))) = timeout(FAREWELL, socket.next()).await {
            if let tungstenite::Message::Binary(bytes) = message
                && let Some(done) = self.hear(&bytes).await
            {
                return done;
            }
        }
        Done::Lost(why)
    }

    /// Another socket for the same session, after the one it had is lost.
    async fn again(&mut self) -> Option<Socket> {
        let mut wait = RECONNECT.1;
        for attempt in 0..RECONNECT.0 {
            if attempt > 0 {
                sleep(wait).await;
                wait *= 2;
            }
            // One that is over has no token any more.
            let Ok(token) = start::resume(&self.cx, &self.started.session).await else { continue };
            let url = &self.started.url;
            if let Ok(socket) = socket::open(&self.cx.aws, url, &token?, &self.client).await {
                self.channel.repeat_all(Instant::now());
                return Some(socket);
            }
        }
        None
    }

    /// Ends the session from here: in its own words where it has some, and by AWS's API in any case.
    async fn leave(&mut self, socket: &mut Socket) {
        if self.started.forwards {
            self.channel.send(Payload::Flag, &Flag::Terminate.encode(), Instant::now());
        }
        drop(timeout(FAREWELL, self.write(socket)).await);
        drop(timeout(FAREWELL, start::terminate(&self.cx, &self.started.session)).await);
    }
}
