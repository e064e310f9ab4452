//! One scenario's topics, groups and clients of the crate rocketmq.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rocketmq::conf::{ClientOption, ProducerOption, SimpleConsumerOption};
use rocketmq::error::ClientError;
use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::model::message::{MessageBuilder, MessageView};
use rocketmq::model::transaction::TransactionChecker;
use rocketmq::{Producer, SimpleConsumer};

use crate::driver::Driver;

pub type Outcome<T = ()> = Result<T, String>;

/// How long a receive may take. The crate asks for a poll of this length and gives the whole call no more, so an empty one may end
/// with its deadline, on Apache as well (its default of 40 s ends with the server's 20). A server wants five seconds.
const POLL: Duration = Duration::from_secs(7);

/// How long a received message stays invisible where it does not matter.
pub const HIDDEN: Duration = Duration::from_secs(30);

/// Names carry the run and the scenario, so scenarios never meet.
pub struct Lab {
    pub driver: Driver,
    pub name: &'static str,
}

impl Lab {
    pub fn unique(&self, kind: &str) -> String {
        format!("rust-{}-{}-{}", std::env::var("INTEROP_RUN").unwrap_or_default(), self.name, kind)
    }

    pub async fn topic(&self, kind: &str, queues: usize) -> Outcome<String> {
        let topic = self.unique(&format!("topic-{kind}"));
        self.driver.ask(&format!("topic {topic} {queues} {kind}")).await?;
        Ok(topic)
    }

    pub async fn group(&self, options: &str) -> Outcome<String> {
        let group = self.unique("group");
        self.driver.ask(format!("group {group} {options}").trim_end()).await?;
        Ok(group)
    }

    fn options(&self) -> ClientOption {
        let mut options = ClientOption::default();
        options.set_access_url(std::env::var("INTEROP_GRPC").unwrap_or_default());
        options.set_enable_tls(false);
        options.set_timeout(Duration::from_secs(10));
        options.set_long_polling_timeout(POLL);
        options
    }

    pub async fn producer(&self, topic: &str) -> Outcome<Producer> {
        let mut options = ProducerOption::default();
        options.set_topics(vec![topic]);
        let mut producer = Producer::new(options, self.options()).map_err(text)?;
        producer.start().await.map_err(text)?;
        Ok(producer)
    }

    pub async fn transaction_producer(&self, topic: &str, checker: Box<TransactionChecker>) -> Outcome<Producer> {
        let mut options = ProducerOption::default();
        options.set_topics(vec![topic]);
        let mut producer = Producer::new_transaction_producer(options, self.options(), checker).map_err(text)?;
        producer.start().await.map_err(text)?;
        Ok(producer)
    }

    pub async fn consumer(&self, topic: &str, group: &str) -> Outcome<Receiver> {
        let mut options = SimpleConsumerOption::default();
        options.set_topics(vec![topic]);
        options.set_consumer_group(group);
        let mut consumer = SimpleConsumer::new(options, self.options()).map_err(text)?;
        consumer.start().await.map_err(text)?;
        Ok(Receiver { consumer, topic: topic.to_string(), filter: FilterExpression::new(FilterType::Tag, "*") })
    }
}

/// A consumer of one topic.
pub struct Receiver {
    pub consumer: SimpleConsumer,
    topic: String,
    pub filter: FilterExpression,
}

impl Receiver {
    pub async fn receive(&self, most: i32, hidden: Duration) -> Result<Vec<MessageView>, ClientError> {
        match self.consumer.receive_with(&self.topic, &self.filter, most, hidden).await {
            Err(e) if ["timeout expired", "deadline", "stream no longer needed"].iter().any(|word| e.to_string().to_lowercase().contains(word)) => Ok(Vec::new()),
            other => other,
        }
    }

    async fn gather(&self, count: usize, most: i32, hidden: Duration, ack: bool) -> Outcome<Vec<MessageView>> {
        let (mut got, start) = (Vec::new(), Instant::now());
        while got.len() < count {
            if start.elapsed() > Duration::from_secs(60) {
                return Err(format!("{} of {} messages in 60 s: {:?}", got.len(), count, bodies(&got)));
            }
            let more = self.receive(most, hidden).await.map_err(text)?;
            if more.len() > most as usize {
                return Err(format!("{} messages in an answer of at most {most}", more.len()));
            }
            for message in &more {
                if ack {
                    self.consumer.ack(message).await.map_err(text)?;
                }
            }
            got.extend(more);
        }
        equal("messages", count, got.len())?;
        Ok(got)
    }

    /// Receives until count messages are there; more are an error. They are not acknowledged.
    pub async fn hold(&self, count: usize, most: i32, hidden: Duration) -> Outcome<Vec<MessageView>> {
        self.gather(count, most, hidden, false).await
    }

    /// Receives and acknowledges count messages.
    pub async fn take(&self, count: usize, most: i32) -> Outcome<Vec<MessageView>> {
        self.gather(count, most, HIDDEN, true).await
    }

    /// No message comes in one poll.
    pub async fn nothing(&self) -> Outcome {
        equal("messages", Vec::<String>::new(), bodies(&self.receive(32, HIDDEN).await.map_err(text)?))
    }
}

pub fn text(e: ClientError) -> String {
    e.to_string()
}

pub fn equal<T: PartialEq + Debug>(what: &str, want: T, got: T) -> Outcome {
    if want == got {
        return Ok(());
    }
    Err(format!("{what}: want {want:?}, got {got:?}"))
}

pub fn within(what: &str, low: i64, high: i64, got: i64) -> Outcome {
    if low <= got && got <= high {
        return Ok(());
    }
    Err(format!("{what}: want {low} to {high}, got {got}"))
}

/// The call must have failed with one of these words in its error, such as the names of codes.
pub fn refused<T>(words: &[&str], result: Result<T, ClientError>) -> Outcome {
    match result {
        Ok(_) => Err(format!("want a refusal with one of {words:?}")),
        Err(e) => {
            let got = e.to_string();
            if words.iter().any(|word| got.contains(word)) {
                return Ok(());
            }
            Err(format!("want a refusal with one of {words:?}, got {got}"))
        }
    }
}

pub fn bodies(messages: &[MessageView]) -> Vec<String> {
    messages.iter().map(body).collect()
}

pub fn body(message: &MessageView) -> String {
    String::from_utf8_lossy(message.body()).to_string()
}

pub fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// A message with that topic and body, to be built on.
pub fn message(topic: &str, body: &str) -> MessageBuilder {
    MessageBuilder::builder().set_topic(topic).set_body(body.as_bytes().to_vec())
}

/// Sends the message and returns its id.
pub async fn send(producer: &Producer, message: MessageBuilder) -> Result<String, ClientError> {
    Ok(producer.send(message.build()?).await?.message_id().to_string())
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
