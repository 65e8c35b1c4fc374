//! The name server for tasks: it answers for the namespaces, and forwards other names to the name server of this
//! computer.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use rand::seq::SliceRandom;
use simple_dns::{
    CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE,
    rdata::{A, RData},
};
use tokio::{net::UdpSocket, time::timeout};

use super::map::{Answered, CloudMap};

/// The port of DNS.
const PORT: u16 = 53;

/// The most addresses in a response.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-multivalue.html>
const MOST: usize = 8;

/// How long the other name server may take to respond.
const ANSWERS: Duration = Duration::from_secs(5);

/// The size of the buffer for UDP messages.
const LONGEST: usize = 4096;

/// Binds the socket of the name server.
pub(super) fn open(address: Ipv4Addr) -> std::io::Result<std::net::UdpSocket> {
    let socket = std::net::UdpSocket::bind((address, PORT))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Answers queries until the sandbox ends.
pub(super) async fn serve(map: Arc<CloudMap>, socket: std::net::UdpSocket) {
    let socket = match UdpSocket::from_std(socket) {
        Ok(socket) => Arc::new(socket),
        Err(error) => return tracing::error!("no name server: {error}"),
    };
    let mut buffer = [0; LONGEST];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let (map, socket, question) = (Arc::clone(&map), Arc::clone(&socket), buffer[..length].to_vec());
        tokio::spawn(async move {
            match answer(&map, &question).await {
                Ok(answer) => drop(socket.send_to(&answer, from).await),
                Err(error) => tracing::warn!("a question of {from} has no answer: {error:#}"),
            }
        });
    }
}

async fn answer(map: &CloudMap, question: &[u8]) -> Result<Vec<u8>> {
    let asked = Packet::parse(question).context("it is no DNS message")?;
    let name = asked.questions.first().context("it asks nothing")?.qname.to_string();
    match map.resolve(&name) {
        Answered::Elsewhere => elsewhere(question).await,
        Answered::Nothing => reply(&asked, RCODE::NameError, Vec::new(), 0),
        Answered::Addresses(addresses, ttl) => reply(&asked, RCODE::NoError, addresses, ttl),
    }
}

fn reply(asked: &Packet, code: RCODE, mut addresses: Vec<Ipv4Addr>, ttl: u32) -> Result<Vec<u8>> {
    let mut reply = Packet::new_reply(asked.id());
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE | PacketFlag::RECURSION_DESIRED);
    *reply.rcode_mut() = code;
    reply.questions.clone_from(&asked.questions);
    let of_addresses = asked.questions.iter().find(|question| question.qtype == QTYPE::TYPE(TYPE::A));
    addresses.shuffle(&mut rand::rng());
    for (address, question) in addresses.into_iter().take(MOST).zip(of_addresses.into_iter().cycle()) {
        let data = RData::A(A { address: address.into() });
        reply.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, ttl, data));
    }
    Ok(reply.build_bytes_vec()?)
}

/// Forwards a query to the name server of this computer.
async fn elsewhere(question: &[u8]) -> Result<Vec<u8>> {
    let asked = async {
        let server = SocketAddr::new(upstream().context("this computer has no name server")?, PORT);
        let local: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(server).await?;
        socket.send(question).await?;
        let mut buffer = vec![0; LONGEST];
        let length = timeout(ANSWERS, socket.recv(&mut buffer)).await??;
        buffer.truncate(length);
        anyhow::Ok(buffer)
    };
    match asked.await {
        Ok(answer) => Ok(answer),
        Err(_) => reply(&Packet::parse(question)?, RCODE::ServerFailure, Vec::new(), 0),
    }
}

/// Returns the first name server of this computer.
fn upstream() -> Option<IpAddr> {
    let text = fs::read_to_string("/etc/resolv.conf").ok()?;
    text.lines().find_map(|line| line.strip_prefix("nameserver")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use simple_dns::{Name, QCLASS, Question};

    use super::*;

    fn asked(kind: TYPE) -> Vec<u8> {
        let mut packet = Packet::new_query(7);
        let name = Name::new("api.shop.internal").expect("it is a name");
        packet.questions.push(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
        packet.build_bytes_vec().expect("it can be written")
    }

    fn addresses(question: &[u8], known: Vec<Ipv4Addr>) -> Vec<(u32, RData<'static>)> {
        let asked = Packet::parse(question).expect("it is one");
        let answer = reply(&asked, RCODE::NoError, known, 10).expect("it can be written");
        let answer = Packet::parse(&answer).expect("it is one");
        assert_eq!((answer.id(), answer.questions.len()), (7, 1));
        answer.answers.into_iter().map(|record| (record.ttl, record.rdata.into_owned())).collect()
    }

    #[test]
    fn response_has_at_most_8_addresses_of_the_queried_type() {
        let one = Ipv4Addr::new(127, 70, 1, 100);
        assert_eq!(addresses(&asked(TYPE::A), vec![one]), [(10, RData::A(A { address: one.into() }))]);
        assert_eq!(addresses(&asked(TYPE::A), vec![one; 9]).len(), 8);
        assert_eq!(addresses(&asked(TYPE::AAAA), vec![one]), []);
    }
}
