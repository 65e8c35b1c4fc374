use super::*;

#[test]
fn recreated_database_keeps_its_address() {
    let loopback = Loopback::claim().expect("one is free");
    let first = loopback.address_of_server("the database one").expect("one is left");
    let other = loopback.address_of_server("the cache one").expect("one is left");
    assert_ne!(first, other);
    assert_eq!(loopback.address_of_server("the database one").expect("it has one"), first);
}

#[test]
fn databases_never_get_task_addresses() {
    let loopback = Loopback::claim().expect("one is free");
    let addresses: Vec<IpAddr> = (0..SERVERS.count())
        .map(|count| loopback.address_of_server(&format!("the database {count}")).expect("one is left"))
        .collect();
    let tasks: Vec<IpAddr> = std::iter::from_fn(|| loopback.address_of_task()).map(IpAddr::V4).collect();
    assert_eq!(tasks.len(), TASKS.count());
    assert!(addresses.iter().all(|address| !tasks.contains(address)));
    let refused = loopback.address_of_server("the cache one").expect_err("none is left").to_string();
    assert_eq!(refused, "no address is left for the cache one: a sandbox has 51 for databases and caches");
}
