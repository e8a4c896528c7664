//! Each server is started, used, stopped, killed and started again, side by side with the others.
//!
//! Missing programs are installed: these tests are what shows that installing works.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use registrar_servers::{Child, Ending, InstallPolicy, Nginx, PostgreSql, PostgreSqlOptions, RabbitMq, Redis, ServerKind, ensure, free_port, locate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(20);

async fn installed(kind: ServerKind) {
    let programs = ensure(kind, InstallPolicy::Allow).await.unwrap();
    assert_eq!(locate(kind), Some(programs));
}

/// Sends `request` and returns what comes back until the server closes or `length` bytes are there.
async fn ask(port: u16, request: &[u8], length: u64) -> std::io::Result<Vec<u8>> {
    let talk = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        stream.take(length).read_to_end(&mut answer).await?;
        Ok(answer)
    };
    tokio::time::timeout(DEADLINE, talk).await?
}

async fn closed(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err()
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let end = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < end, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs `start` as its own task, which shows that it can be sent between threads, and prints how long it took.
async fn timed<T, F>(what: &str, start: F) -> T
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let begin = Instant::now();
    let started = tokio::spawn(start).await.unwrap().unwrap();
    println!("{what}: {} ms", begin.elapsed().as_millis());
    started
}

#[tokio::test(flavor = "multi_thread")]
async fn throw_away_postgresql() {
    installed(ServerKind::PostgreSql).await;
    let mut server = timed("PostgreSQL, new", PostgreSql::start_throw_away()).await;
    assert!(server.url("a b").ends_with("/a%20b"));
    assert_eq!(server.execute("postgres", "SELECT 1").await.unwrap(), "1");
    let settings = "SELECT current_setting('fsync'), current_setting('server_encoding'), current_setting('max_connections')";
    assert_eq!(server.execute("postgres", settings).await.unwrap(), "off|UTF8|400");

    server.create_database("model").await.unwrap();
    server.execute("model", "CREATE TABLE t (n int); INSERT INTO t VALUES (7)").await.unwrap();
    let begin = Instant::now();
    server.create_database_from_template("copy", "model").await.unwrap();
    println!("PostgreSQL, copy of a database: {} ms", begin.elapsed().as_millis());
    assert_eq!(server.execute("copy", "SELECT n FROM t").await.unwrap(), "7");
    server.drop_database("copy").await.unwrap();
    server.drop_database("copy").await.unwrap();
    assert!(server.execute("copy", "SELECT 1").await.unwrap_err().to_string().contains("does not exist"));

    server.restart().await.unwrap();
    assert_eq!(server.execute("model", "SELECT n FROM t").await.unwrap(), "7");
    server.kill().await.unwrap();
    assert!(closed(server.port()).await);
    server.start_again().await.unwrap();
    assert_eq!(server.execute("model", "SELECT n FROM t").await.unwrap(), "7");
    let port = server.port();
    drop(server);
    assert!(closed(port).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_postgresql_keeps_its_data_and_asks_for_its_password() {
    installed(ServerKind::PostgreSql).await;
    let folder = tempfile::tempdir().unwrap();
    let options = PostgreSqlOptions::durable(folder.path().join("data folder"));
    let server = PostgreSql::start(options.clone()).await.unwrap();
    let settings = "SELECT current_setting('fsync'), current_setting('synchronous_commit')";
    assert_eq!(server.execute("postgres", settings).await.unwrap(), "on|on");
    server.create_database("kept").await.unwrap();

    let second = PostgreSql::start(options.clone()).await.unwrap_err();
    assert!(second.to_string().contains("in use by another"), "{second:#}");

    let mut psql = Command::new(locate(ServerKind::PostgreSql).unwrap().path("psql"));
    psql.args(["-X", "-w", "-h", "127.0.0.1", "-U", "registrar", "-d", "postgres", "-c", "SELECT 1"]);
    psql.env("PGPASSWORD", "guess").arg("-p").arg(server.port().to_string());
    assert!(!psql.output().unwrap().status.success(), "a wrong password was accepted");
    drop(server);

    let server = PostgreSql::start(options).await.unwrap();
    let names = "SELECT datname FROM pg_database WHERE datname = 'kept'";
    assert_eq!(server.execute("postgres", names).await.unwrap(), "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_left_running_is_stopped_and_started_anew() {
    installed(ServerKind::PostgreSql).await;
    let folder = tempfile::tempdir().unwrap();
    let options = PostgreSqlOptions::durable(folder.path());
    drop(PostgreSql::start(options.clone()).await.unwrap());

    let data = folder.path().join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let port = free_port().unwrap();
    let mut pg_ctl = Command::new(locate(ServerKind::PostgreSql).unwrap().path("pg_ctl"));
    pg_ctl.args(["start", "--wait", "--silent", "-o"]).arg(format!("-p {port} -k '' -h 127.0.0.1")).arg("-D").arg(&data);
    pg_ctl.arg("-l").arg(data.join("leftover.log")).current_dir("/").uid(owner.uid()).gid(owner.gid());
    assert!(pg_ctl.status().unwrap().success());
    assert!(!closed(port).await);

    let server = PostgreSql::start(options.clone()).await.unwrap();
    assert!(closed(port).await);
    assert_eq!(server.execute("postgres", "SELECT 1").await.unwrap(), "1");
    drop(server);

    // A number that belongs to another program by now stands for nothing, and that program is left alone.
    let pid_file = data.join("postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n{}\n", std::process::id(), data.display())).unwrap();
    let server = PostgreSql::start(options).await.unwrap();
    assert_eq!(server.execute("postgres", "SELECT 1").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_is_told_which_folder_keeps_postgresql_out() {
    installed(ServerKind::PostgreSql).await;
    let folder = tempfile::tempdir().unwrap();
    if std::fs::metadata(folder.path()).unwrap().uid() != 0 {
        return;
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let error = PostgreSql::start(PostgreSqlOptions::throw_away(folder.path().join("inner"))).await.unwrap_err();
    assert!(error.to_string().contains(&format!("cannot enter {},", folder.path().display())), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_that_cannot_start_shows_its_log() {
    installed(ServerKind::PostgreSql).await;
    let folder = tempfile::tempdir().unwrap();
    let mut options = PostgreSqlOptions::throw_away(folder.path());
    options.settings.push(("no_such_setting".to_owned(), "1".to_owned()));
    let error = PostgreSql::start(options).await.unwrap_err();
    assert!(error.to_string().contains("unrecognized configuration parameter"), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq() {
    installed(ServerKind::RabbitMq).await;
    let mut server = timed("RabbitMQ, new", RabbitMq::start()).await;
    let header = b"AMQP\x00\x00\x09\x01";
    assert_eq!(ask(server.port(), header, 1).await.unwrap(), [1]);

    server.add_user("students", "secret", "^students", "^events$", ".*").await.unwrap();
    assert!(server.control(&["list_users"]).await.unwrap().contains("students"));
    let declare = r#"rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"q">>), true, false,
        [{<<"x-queue-type">>, longstr, <<"quorum">>}], none, <<"guest">>), ok."#;
    assert_eq!(server.control(&["eval", declare]).await.unwrap(), "ok");

    server.kill().await.unwrap();
    assert!(closed(server.port()).await);
    let begin = Instant::now();
    server.start_again().await.unwrap();
    println!("RabbitMQ, again: {} ms", begin.elapsed().as_millis());
    let queues = server.control(&["list_queues", "name", "type", "state"]).await.unwrap();
    assert!(queues.contains("q\tquorum\trunning"), "{queues}");

    server.stop().await.unwrap();
    assert!(closed(server.port()).await);
    server.start_again().await.unwrap();
    assert_eq!(ask(server.port(), header, 1).await.unwrap(), [1]);
    let port = server.port();
    drop(server);
    eventually("the port is closed", || closed(port)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    installed(ServerKind::Redis).await;
    let mut server = timed("Redis, new", Redis::start()).await;
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}/", server.port()));
    assert_eq!(ask(server.port(), b"PING\r\n", 7).await.unwrap(), b"+PONG\r\n");
    server.stop().await.unwrap();
    assert!(closed(server.port()).await);
    server.start_again().await.unwrap();
    server.kill().await.unwrap();
    assert!(closed(server.port()).await);
    server.start_again().await.unwrap();
    assert_eq!(ask(server.port(), b"PING\r\n", 7).await.unwrap(), b"+PONG\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx() {
    installed(ServerKind::Nginx).await;
    let template = "events {}\nhttp {\n  access_log off;\n  server {\n    listen 127.0.0.1:{port};\n    \
                    location / { return 200 '{greeting}'; }\n  }\n}\n";
    let greeting = |text: &str| BTreeMap::from([("greeting".to_owned(), text.to_owned())]);
    let first = greeting("xin chao");
    let mut server = timed("nginx, new", async move { Nginx::start(template, &first).await }).await;
    let port = server.port();
    let get = || async move {
        let answer = ask(port, b"GET / HTTP/1.0\r\n\r\n", 4096).await.unwrap();
        String::from_utf8(answer).unwrap().lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(get().await, "xin chao");
    server.reload(&greeting("hello")).await.unwrap();
    assert_eq!(get().await, "hello");
    let refused = server.reload(&greeting("'broken")).await.unwrap_err();
    assert!(format!("{refused:#}").contains("nginx.conf"), "{refused:#}");
    assert_eq!(get().await, "hello");
    server.reload(&greeting("hello again")).await.unwrap();
    server.stop().await.unwrap();
    assert!(closed(port).await);
    server.start_again().await.unwrap();
    assert_eq!(get().await, "hello again");
}

/// Not a test of its own: the process that the next test kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by servers_end_with_a_killed_owner"]
async fn owner() {
    let Some(folder) = std::env::var_os("OWNER_FOLDER").map(std::path::PathBuf::from) else {
        return;
    };
    let redis = Redis::start().await.unwrap();
    let postgresql = PostgreSql::start(PostgreSqlOptions::durable(&folder)).await.unwrap();
    std::fs::write(folder.join("ports.new"), format!("{} {}", redis.port(), postgresql.port())).unwrap();
    std::fs::rename(folder.join("ports.new"), folder.join("ports")).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_end_with_a_killed_owner() {
    installed(ServerKind::PostgreSql).await;
    installed(ServerKind::Redis).await;
    let folder = tempfile::tempdir().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap());
    owner.args(["--exact", "owner", "--ignored"]).env("OWNER_FOLDER", folder.path());
    let logs = tempfile::tempdir().unwrap();
    // What a killed owner leaves behind goes with this folder.
    owner.env("TMPDIR", logs.path());
    let mut owner = Child::spawn("owner", owner, &logs.path().join("log"), Ending::KILL).unwrap();
    let ports = folder.path().join("ports");
    owner.ready(DEADLINE * 2, || std::future::ready(ports.exists())).await.unwrap();
    let ports = std::fs::read_to_string(&ports).unwrap();
    let ports: Vec<u16> = ports.split(' ').map(|port| port.parse().unwrap()).collect();
    assert!(!closed(ports[0]).await && !closed(ports[1]).await);

    owner.kill().await.unwrap();
    // Whether the watchdog has already ended it or not, the next owner gets the folder and a server that answers.
    let next = PostgreSql::start(PostgreSqlOptions::durable(folder.path())).await.unwrap();
    assert_eq!(next.execute("postgres", "SELECT 1").await.unwrap(), "1");
    eventually("Redis ends", || closed(ports[0])).await;
    eventually("the first PostgreSQL ends", || closed(ports[1])).await;
}
