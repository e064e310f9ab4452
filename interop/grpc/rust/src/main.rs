//! Runs every scenario with the crate rocketmq, which speaks gRPC, and prints PASS or FAIL for each.

mod driver;
mod lab;
mod scenarios;

use std::time::{Duration, Instant};

use driver::Driver;
use lab::{Lab, Outcome};

const LIMIT: Duration = Duration::from_secs(150); // of a scenario

async fn run(driver: Driver, name: &'static str) -> bool {
    let start = Instant::now();
    let lab = Lab { driver: driver.clone(), name };
    let outcome: Outcome = match tokio::time::timeout(LIMIT, scenarios::play(lab)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("not done in {LIMIT:?}")),
    };
    match &outcome {
        Ok(()) => driver.say(&format!("PASS {name} {}", start.elapsed().as_millis())),
        Err(e) => driver.say(&format!("FAIL {name} {e}")),
    }
    outcome.is_ok()
}

#[tokio::main]
async fn main() {
    let driver = Driver::listening();
    let only = std::env::var("INTEROP_ONLY").unwrap_or_default();
    let only = only.trim_start_matches('^').trim_end_matches('$'); // a name or a part of one, where others take an expression
    let chosen: Vec<&str> = scenarios::NAMES.iter().copied().filter(|name| name.contains(only)).collect();
    for name in &chosen {
        driver.say(&format!("PLAN {name}"));
    }
    let running: Vec<_> = chosen.into_iter().map(|name| tokio::spawn(run(driver.clone(), name))).collect();
    let mut passed = true;
    for one in running {
        passed &= one.await.unwrap_or(false);
    }
    std::process::exit(if passed { 0 } else { 1 });
}
