//! The conversation with the Go test that started this program, one line each way.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;

#[derive(Default)]
struct Waiting {
    asked: usize,
    answers: HashMap<String, oneshot::Sender<String>>,
}

/// Prints PLAN, PASS, FAIL and ASK lines and hands each ANSWER to whoever asked.
#[derive(Clone, Default)]
pub struct Driver {
    waiting: Arc<Mutex<Waiting>>,
}

impl Driver {
    /// A driver that reads answers until its input ends.
    pub fn listening() -> Driver {
        let driver = Driver::default();
        let listener = driver.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(tokio::io::stdin()).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut words = line.splitn(3, ' ').skip(1);
                let (ident, text) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                if let Some(asker) = listener.waiting.lock().unwrap().answers.remove(ident) {
                    let _ = asker.send(text.to_string());
                }
            }
        });
        driver
    }

    pub fn say(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", line.replace('\n', " ")).and_then(|_| out.flush()).expect("standard output");
    }

    /// Waits for the answer; anything but "ok" is an error.
    pub async fn ask(&self, question: &str) -> Result<(), String> {
        let (asker, answer) = oneshot::channel();
        let ident = {
            let mut waiting = self.waiting.lock().unwrap();
            waiting.asked += 1;
            let ident = waiting.asked.to_string();
            waiting.answers.insert(ident.clone(), asker);
            ident
        };
        self.say(&format!("ASK {ident} {question}"));
        match answer.await {
            Ok(text) if text == "ok" => Ok(()),
            Ok(text) => Err(format!("{question}: {text}")),
            Err(_) => Err(format!("{question}: no answer")),
        }
    }
}
