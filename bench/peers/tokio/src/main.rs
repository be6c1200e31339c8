//! tokio, multi_thread or (--current-thread) current_thread.
//!
//! - The root is a spawned task, so that with multi_thread it is on a worker and not on the thread that blocks.
//! - tokio has no channel with many receivers: mpmc uses async-channel, as its users do.
//! - mutex uses tokio::sync::Mutex, the lock that suspends. (tokio's own advice for a lock not held over an await is
//!   std::sync::Mutex, which nobody here would ever wait for.)
//! - abort drops a future: nothing unwinds.
//! - current_thread: one worker only.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, Mutex, Notify};
use tokio::task::{spawn, spawn_blocking, yield_now, JoinHandle};
use tokio::time::{sleep, timeout};

type Figures = Vec<(&'static str, f64, &'static str)>;
type Root = Pin<Box<dyn Future<Output = Figures> + Send>>;

const HOUR: Duration = Duration::from_secs(3600);

struct Workload {
    name: &'static str,
    default_n: u64,
    most_workers: usize,
    root: fn(usize, u64) -> Root,
}

fn each(since: Instant, n: u64) -> f64 {
    since.elapsed().as_nanos() as f64 / n as f64
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_nanos() as f64 / 1e6
}

fn sum_below(n: u64) -> u64 {
    n * (n - 1) / 2
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib: f64 = text
        .lines()
        .filter(|l| l.starts_with("VmRSS:") || l.starts_with("VmPTE:"))
        .map(|l| l.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap())
        .sum();
    kib * 1024.0
}

fn cpu_ms() -> f64 {
    // /proc counts in ticks of 10 ms; schedstat would count this thread alone.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    10.0 * (after_name[11].parse::<f64>().unwrap() + after_name[12].parse::<f64>().unwrap())
}

async fn turns(count: u64) -> u64 {
    for _ in 0..count {
        yield_now().await;
    }
    count
}

fn run_yield(_: usize, n: u64) -> Root {
    Box::pin(async move {
        spawn(turns(10_000)).await.unwrap();
        let start = Instant::now();
        let (a, b) = (spawn(turns(n / 2)), spawn(turns(n - n / 2)));
        let turned = a.await.unwrap() + b.await.unwrap();
        let took = each(start, n);
        assert_eq!(turned, n);
        vec![("yield", took, "ns")]
    })
}

fn run_spawn_join(_: usize, n: u64) -> Root {
    Box::pin(async move {
        for _ in 0..10_000 {
            spawn(async {}).await.unwrap();
        }
        let mut joined = 0;
        let start = Instant::now();
        for _ in 0..n {
            spawn(async {}).await.unwrap();
            joined += 1;
        }
        let took = each(start, n);
        assert_eq!(joined, n);
        vec![("spawn_join", took, "ns")]
    })
}

async fn round(batch: &mut Vec<JoinHandle<()>>) -> u64 {
    const SIZE: u64 = 1000;
    for _ in 0..SIZE {
        batch.push(spawn(async {}));
    }
    for h in batch.drain(..) {
        h.await.unwrap();
    }
    SIZE
}

fn run_spawn_batch(_: usize, n: u64) -> Root {
    Box::pin(async move {
        let mut batch = Vec::with_capacity(1000);
        for _ in 0..10 {
            round(&mut batch).await;
        }
        let mut joined = 0;
        let start = Instant::now();
        while joined < n {
            joined += round(&mut batch).await;
        }
        vec![("spawn_batch", each(start, joined), "ns")]
    })
}

fn skynet(first: u64, size: u64) -> JoinHandle<u64> {
    spawn(async move {
        if size == 1 {
            return first;
        }
        let part = size / 10;
        let children: [JoinHandle<u64>; 10] = std::array::from_fn(|i| skynet(first + i as u64 * part, part));
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

fn run_skynet(_: usize, n: u64) -> Root {
    Box::pin(async move {
        skynet(0, 1000).await.unwrap();
        let start = Instant::now();
        let sum = skynet(0, n).await.unwrap();
        let took = ms(start);
        assert_eq!(sum, sum_below(n));
        vec![("skynet", took, "ms")]
    })
}

fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let left = spawn(fib(n - 1));
        // No box for a leaf that is computed here.
        let right = if n - 2 < 2 { n - 2 } else { fib(n - 2).await };
        left.await.unwrap() + right
    })
}

fn run_fib(_: usize, n: u64) -> Root {
    Box::pin(async move {
        fib(15).await;
        let start = Instant::now();
        let result = fib(n).await;
        let took = ms(start);
        let expected = (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0;
        assert_eq!(result, expected);
        vec![("fib", took, "ms")]
    })
}

async fn play(n: u64) -> u64 {
    let (ping, mut to_echo) = mpsc::channel(1);
    let (pong, mut from_echo) = mpsc::channel(1);
    let echo = spawn(async move {
        while let Some(token) = to_echo.recv().await {
            pong.send(token).await.unwrap();
        }
    });
    let mut sum = 0;
    for i in 0..n {
        ping.send(i).await.unwrap();
        sum += from_echo.recv().await.unwrap();
    }
    drop(ping);
    echo.await.unwrap();
    sum
}

fn run_pingpong(_: usize, n: u64) -> Root {
    Box::pin(async move {
        spawn(play(10_000)).await.unwrap();
        let start = Instant::now();
        let sum: u64 = play(n).await;
        let took = each(start, n);
        assert_eq!(sum, sum_below(n));
        vec![("pingpong", took, "ns")]
    })
}

async fn pass_on(n: u64) -> u64 {
    const SIDES: u64 = 4;
    let (out, line) = async_channel::bounded(1024);
    let consumers: Vec<_> = (0..SIDES)
        .map(|_| {
            let line = line.clone();
            spawn(async move {
                let mut sum = 0;
                while let Ok(message) = line.recv().await {
                    sum += message;
                }
                sum
            })
        })
        .collect();
    for p in 0..SIDES {
        let out = out.clone();
        spawn(async move {
            let mut i = p;
            while i < n {
                out.send(i).await.unwrap();
                i += SIDES;
            }
        });
    }
    drop(out);
    let mut sum = 0;
    for c in consumers {
        sum += c.await.unwrap();
    }
    sum
}

fn run_mpmc(_: usize, n: u64) -> Root {
    Box::pin(async move {
        pass_on(10_000).await;
        let start = Instant::now();
        let sum: u64 = pass_on(n).await;
        let took = each(start, n);
        assert_eq!(sum, sum_below(n));
        vec![("mpmc", took, "ns")]
    })
}

const TASKS: u64 = 1000;

async fn contend(n: u64) -> u64 {
    let lock = Arc::new(Mutex::new(0u64));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let lock = lock.clone();
            spawn(async move {
                for _ in 0..n {
                    *lock.lock().await += 1;
                    yield_now().await;
                }
            })
        })
        .collect();
    for t in tasks {
        t.await.unwrap();
    }
    let count = *lock.lock().await;
    count
}

fn run_mutex(_: usize, n: u64) -> Root {
    Box::pin(async move {
        contend(10).await;
        let start = Instant::now();
        let count = contend(n).await;
        let took = each(start, TASKS * n);
        assert_eq!(count, TASKS * n);
        vec![("mutex", took, "ns")]
    })
}

async fn park_all(n: u64) -> (f64, f64, f64) {
    static ARRIVED: AtomicU64 = AtomicU64::new(0);
    let gate: &'static Notify = Box::leak(Box::new(Notify::new()));
    ARRIVED.store(0, SeqCst);
    let mut tasks = Vec::with_capacity(n as usize);
    let before = resident_bytes();
    let start = Instant::now();
    for i in 0..n {
        tasks.push(spawn(async move {
            let opened = gate.notified();
            ARRIVED.fetch_add(1, Relaxed);
            opened.await;
        }));
        if i % 1024 == 1023 {
            yield_now().await;
        }
    }
    while ARRIVED.load(SeqCst) < n {
        yield_now().await;
    }
    let spawned = each(start, n);
    sleep(Duration::from_millis(10)).await; // the last of them has parked
    let grown = resident_bytes() - before;
    let start = Instant::now();
    gate.notify_waiters();
    for t in tasks {
        t.await.unwrap();
    }
    (grown / n as f64, spawned, each(start, n))
}

fn run_parked(_: usize, n: u64) -> Root {
    Box::pin(async move {
        let (bytes, _, _) = park_all(n).await;
        let (_, spawned, released) = park_all(n).await;
        vec![("parked", bytes, "bytes"), ("parked_spawn", spawned, "ns"), ("parked_release", released, "ns")]
    })
}

// At one worker nothing starts before the root waits; more would steal.
fn run_unstarted(_: usize, n: u64) -> Root {
    Box::pin(async move {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let mut tasks = Vec::with_capacity(n as usize);
        let before = resident_bytes();
        for _ in 0..n {
            tasks.push(spawn(async {
                STARTED.fetch_add(1, Relaxed);
            }));
        }
        let grown = resident_bytes() - before;
        assert_eq!(STARTED.load(SeqCst), 0);
        for t in tasks {
            t.await.unwrap();
        }
        assert_eq!(STARTED.load(SeqCst), n);
        vec![("unstarted", grown / n as f64, "bytes")]
    })
}

fn run_sleep(_: usize, n: u64) -> Root {
    Box::pin(async move {
        let cpu = cpu_ms();
        let start = Instant::now();
        let tasks: Vec<_> = (0..n)
            .map(|i| {
                spawn(async move {
                    sleep(Duration::from_millis(i % 1000)).await;
                    1
                })
            })
            .collect();
        let mut slept = 0;
        for t in tasks {
            slept += t.await.unwrap();
        }
        let took = ms(start);
        assert_eq!(slept, n);
        vec![("sleep", took, "ms"), ("sleep_cpu", cpu_ms() - cpu, "ms")]
    })
}

fn run_timeout_storm(_: usize, n: u64) -> Root {
    Box::pin(async move {
        let mut sum = 0;
        let start = Instant::now();
        for i in 0..n {
            sum += timeout(HOUR, std::future::ready(i)).await.unwrap();
        }
        let took = each(start, n);
        assert_eq!(sum, sum_below(n));
        vec![("timeout_storm", took, "ns")]
    })
}

fn run_abort(_: usize, n: u64) -> Root {
    Box::pin(async move {
        let tasks: Vec<_> = (0..n).map(|_| spawn(sleep(HOUR))).collect();
        sleep(Duration::from_millis(300)).await;
        let mut aborted = 0;
        let start = Instant::now();
        for t in tasks {
            t.abort();
            aborted += t.await.unwrap_err().is_cancelled() as u64;
        }
        let took = each(start, n);
        assert_eq!(aborted, n);
        vec![("abort", took, "ns")]
    })
}

fn run_blocking(_: usize, n: u64) -> Root {
    Box::pin(async move {
        const IN_FLIGHT: usize = 64;
        let mut ring: [Option<JoinHandle<u64>>; IN_FLIGHT] = std::array::from_fn(|_| None);
        let mut sum = 0;
        let start = Instant::now();
        for i in 0..n {
            let slot = &mut ring[i as usize % IN_FLIGHT];
            if let Some(job) = slot.take() {
                sum += job.await.unwrap();
            }
            *slot = Some(spawn_blocking(move || i));
        }
        for job in ring.into_iter().flatten() {
            sum += job.await.unwrap();
        }
        let took = each(start, n);
        assert_eq!(sum, sum_below(n));
        vec![("blocking", took, "ns")]
    })
}

async fn echo(mut client: TcpStream) {
    let mut buffer = [0; 4096];
    loop {
        let got = match client.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(got) => got,
        };
        if client.write_all(&buffer[..got]).await.is_err() {
            return;
        }
    }
}

async fn http(mut client: TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    const END: &[u8] = b"\r\n\r\n";
    let mut buffer = [0; 4096];
    let mut answers = Vec::with_capacity(4096);
    let mut matched = 0; // of END, over reads
    loop {
        let got = match client.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(got) => got,
        };
        answers.clear();
        for &c in &buffer[..got] {
            matched = if c == END[matched] { matched + 1 } else { (c == END[0]) as usize };
            if matched == END.len() {
                matched = 0;
                answers.extend_from_slice(ANSWER);
            }
        }
        if !answers.is_empty() && client.write_all(&answers).await.is_err() {
            return;
        }
    }
}

async fn listen(port: u64) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port as u16)).await.expect("cannot listen")
}

fn run_echo(_: usize, port: u64) -> Root {
    Box::pin(async move {
        let listener = listen(port).await;
        loop {
            let (client, _) = listener.accept().await.unwrap();
            client.set_nodelay(true).unwrap();
            spawn(echo(client));
        }
    })
}

fn run_http(_: usize, port: u64) -> Root {
    Box::pin(async move {
        let listener = listen(port).await;
        loop {
            let (client, _) = listener.accept().await.unwrap();
            client.set_nodelay(true).unwrap();
            spawn(http(client));
        }
    })
}

const ANY: usize = 1024;

#[rustfmt::skip]
const WORKLOADS: &[Workload] = &[
    Workload { name: "yield", default_n: 10_000_000, most_workers: 1, root: run_yield },
    Workload { name: "spawn_join", default_n: 1_000_000, most_workers: ANY, root: run_spawn_join },
    Workload { name: "spawn_batch", default_n: 2_000_000, most_workers: ANY, root: run_spawn_batch },
    Workload { name: "skynet", default_n: 1_000_000, most_workers: ANY, root: run_skynet },
    Workload { name: "fib", default_n: 27, most_workers: ANY, root: run_fib },
    Workload { name: "pingpong", default_n: 1_000_000, most_workers: ANY, root: run_pingpong },
    Workload { name: "mpmc", default_n: 4_000_000, most_workers: ANY, root: run_mpmc },
    Workload { name: "mutex", default_n: 1000, most_workers: ANY, root: run_mutex },
    Workload { name: "parked", default_n: 1_000_000, most_workers: ANY, root: run_parked },
    Workload { name: "unstarted", default_n: 1_000_000, most_workers: 1, root: run_unstarted },
    Workload { name: "sleep", default_n: 1_000_000, most_workers: ANY, root: run_sleep },
    Workload { name: "timeout_storm", default_n: 5_000_000, most_workers: ANY, root: run_timeout_storm },
    Workload { name: "abort", default_n: 100_000, most_workers: ANY, root: run_abort },
    Workload { name: "blocking", default_n: 200_000, most_workers: ANY, root: run_blocking },
    Workload { name: "echo", default_n: 7777, most_workers: ANY, root: run_echo },
    Workload { name: "http", default_n: 8080, most_workers: ANY, root: run_http },
];

fn fail(message: &str) -> ! {
    eprintln!("tokio: {message}");
    std::process::exit(2)
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let current = arguments.first().map_or(false, |a| a == "--current-thread");
    if current {
        arguments.remove(0);
    }
    let most = |w: &Workload| if current { 1 } else { w.most_workers };
    if arguments == ["--list"] {
        for w in WORKLOADS {
            println!("{:<14} (default N: {}; workers: 1 to {})", w.name, w.default_n, most(w));
        }
        return;
    }
    if arguments.len() < 2 || arguments.len() > 3 {
        fail("usage: [--current-thread] WORKLOAD WORKERS [N], or --list");
    }
    let w = WORKLOADS
        .iter()
        .find(|w| w.name == arguments[0])
        .unwrap_or_else(|| fail("there is no such workload; --list names them"));
    let workers = match arguments[1].parse::<usize>() {
        Ok(count) if count >= 1 && count <= most(w) => count,
        _ => fail(&format!("{} runs on 1 to {} workers", w.name, most(w))),
    };
    let n = match arguments.get(2).map_or(Ok(w.default_n), |n| n.parse::<u64>()) {
        Ok(n) if n >= 1 => n,
        _ => fail("N is a number from 1"),
    };
    let runtime = if current {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
    }
    .expect("no runtime");
    let figures = runtime.block_on(async { spawn((w.root)(workers, n)).await }).unwrap_or_else(|_| std::process::exit(1));
    let system = if current { "tokio_current" } else { "tokio" };
    for (name, value, unit) in figures {
        println!("{system} {name} {workers} {} {unit}", significant(value));
    }
}

/// Like C's %.6g for the range that occurs here.
fn significant(value: f64) -> String {
    let digits = (value.abs().max(1.0).log10().floor() as usize).min(5);
    format!("{:.*}", 5 - digits, value)
}
