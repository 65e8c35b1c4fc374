//! Sessions of Session Manager with a running task, for a command or for port forwarding. It implements the protocol of
//! the data channel, so that no plugin has to be installed; `docs/adr/0011` says why.
//!
//! `message`, `payload`, `channel` and `smux` are the protocol without sockets, `socket` is the WebSocket, and `start`
//! makes the calls to AWS. This module and `forward` combine them.

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

/// The IAM permissions for sessions.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html>,
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html>
pub const PERMISSIONS: &[Permission] = &[
    Permission::look(&["ecs:DescribeTasks", "ecs:ListTasks"]),
    Permission::session(
        &["ecs:ExecuteCommand", "ssm:StartSession"],
        On::Named(&[
            "ecs:{region}:{account}:*/{name:255}*",
            // Documents of AWS, without an account: port forwarding to the task, and through it to another host.
            "ssm:*:*:document/AWS-StartPort*",
        ]),
    ),
    // The name of a session contains its creator, and its id is not known in advance.
    Permission::session(
        &["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
        On::Named(&["ssm:{region}:{account}:session/*"]),
    ),
];

/// How often to check whether a message must be repeated.
const REPEAT: Duration = Duration::from_millis(50);

/// How often a ping is sent, so that proxies and NAT devices do not drop the connection.
const PING: Duration = Duration::from_secs(60);

/// How often to ask ECS whether the task still runs, because the channel does not report that a task has stopped.
const LOOK: Duration = Duration::from_secs(3);

/// How long to wait for the agent's handshake before assuming that it sends none.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// The number of attempts to reconnect, and the pause before the second attempt, which doubles each time.
const RECONNECT: (u32, Duration) = (5, Duration::from_millis(500));

/// How long the last messages may take to arrive.
const FAREWELL: Duration = Duration::from_secs(2);

/// A message for the agent.
#[derive(Clone, Debug)]
pub enum Input {
    /// Bytes of the session.
    Data(Vec<u8>),
    /// The size of the terminal.
    Size(Size),
}

/// An open session.
pub struct Session {
    /// The sender of input. The session ends when all its clones are dropped.
    pub input: mpsc::Sender<Input>,
    /// The received events. The last one is an [`Event::Closed`].
    pub events: mpsc::Receiver<Event>,
    driver: JoinHandle<()>,
}

impl Session {
    /// Opens the data channel of a started session.
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

    /// Ends the session, unless another sender of input still exists.
    pub async fn end(self) {
        let Self { input, events, driver } = self;
        drop((input, events));
        drop(timeout(FAREWELL * 3, driver).await);
    }
}

/// The task that connects a channel to its socket.
struct Driver {
    cx: Context,
    started: Started,
    client: String,
    channel: Channel,
    events: mpsc::Sender<Event>,
}

/// Why a socket is no longer used.
enum Done {
    /// The session has ended.
    Over,
    /// The connection was lost.
    Lost(String),
    /// This end has closed the session.
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

    /// Writes all pending messages.
    async fn write(&mut self, socket: &mut Socket) -> Result<(), tungstenite::Error> {
        for bytes in self.channel.outbox() {
            socket.feed(tungstenite::Message::binary(bytes)).await?;
        }
        socket.flush().await
    }

    /// Passes on the events of a message. Returns a value if the socket is no longer used.
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

    /// Reads the rest of a connection that can no longer be written to because of `why`: it may contain the end of the
    /// session.
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

    /// Opens another socket for the same session after the connection was lost.
    async fn again(&mut self) -> Option<Socket> {
        let mut wait = RECONNECT.1;
        for attempt in 0..RECONNECT.0 {
            if attempt > 0 {
                sleep(wait).await;
                wait *= 2;
            }
            // A session that has ended has no token.
            let Ok(token) = start::resume(&self.cx, &self.started.session).await else { continue };
            let url = &self.started.url;
            if let Ok(socket) = socket::open(&self.cx.aws, url, &token?, &self.client).await {
                self.channel.repeat_all(Instant::now());
                return Some(socket);
            }
        }
        None
    }

    /// Ends the session: with a message on the channel if the session forwards ports, and always with a call to AWS.
    async fn leave(&mut self, socket: &mut Socket) {
        if self.started.forwards {
            self.channel.send(Payload::Flag, &Flag::Terminate.encode(), Instant::now());
        }
        drop(timeout(FAREWELL, self.write(socket)).await);
        drop(timeout(FAREWELL, start::terminate(&self.cx, &self.started.session)).await);
    }
}
