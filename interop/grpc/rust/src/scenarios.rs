//! What the crate must be able to do. It has no push consumer, no recall, and no change of the invisible time; so the dead letter, too,
//! is one that nobody acknowledged in time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rocketmq::model::common::{FilterExpression, FilterType};
use rocketmq::model::message::MessageBuilder;
use rocketmq::model::transaction::{Transaction, TransactionResolution};
use rocketmq::Producer;

use crate::lab::{bodies, body, equal, message, now, refused, send, sorted, text, within, Lab, Outcome, HIDDEN};

const LIMIT: usize = 4 << 20; // bytes of a body
const LATE: i64 = 5000; // ms that a delivery may be late on a loaded machine, and with Apache's steps of a second

pub const NAMES: &[&str] = &[
    "normal", "batch", "properties", "body-large", "fifo", "fifo-blocks", "delay", "delay-too-long", "transaction", "tag-filter",
    "sql-filter", "sql-filter-wrong", "redelivery", "invisible-time-wrong", "dead-letter", "wrong-topic", "wrong-type", "long-poll",
];

pub async fn play(lab: Lab) -> Outcome {
    match lab.name {
        "normal" => normal(lab).await,
        "batch" => batch(lab).await,
        "properties" => properties(lab).await,
        "body-large" => body_large(lab).await,
        "fifo" => fifo(lab).await,
        "fifo-blocks" => fifo_blocks(lab).await,
        "delay" => delay(lab).await,
        "delay-too-long" => delay_too_long(lab).await,
        "transaction" => transaction(lab).await,
        "tag-filter" => tag_filter(lab).await,
        "sql-filter" => sql_filter(lab).await,
        "sql-filter-wrong" => sql_filter_wrong(lab).await,
        "redelivery" => redelivery(lab).await,
        "invisible-time-wrong" => invisible_time_wrong(lab).await,
        "dead-letter" => dead_letter(lab).await,
        "wrong-topic" => wrong_topic(lab).await,
        "wrong-type" => wrong_type(lab).await,
        "long-poll" => long_poll(lab).await,
        other => Err(format!("no scenario {other}")),
    }
}

async fn normal(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    let producer = lab.producer(&topic).await?;
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for i in 0..40 {
        texts.push(format!("normal-{i:04}"));
        ids.push(send(&producer, message(&topic, &texts[i])).await.map_err(text)?);
    }
    let consumer = lab.consumer(&topic, &group).await?;
    let got = consumer.take(40, 32).await?;
    equal("bodies", texts, sorted(bodies(&got)))?;
    equal("ids", sorted(ids), sorted(got.iter().map(|m| m.message_id().to_string()).collect()))?;
    consumer.nothing().await?;
    producer.shutdown().await.map_err(text)?;
    consumer.consumer.shutdown().await.map_err(text)
}

/// Messages of one request; Apache stores each of them.
async fn batch(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 1).await?, lab.group("").await?);
    let producer = lab.producer(&topic).await?;
    let mut messages = Vec::new();
    for i in 0..10 {
        messages.push(message(&topic, &format!("batch-{i:04}")).build().map_err(text)?);
    }
    let receipts = producer.batch_send(messages).await.map_err(text)?;
    let got = lab.consumer(&topic, &group).await?.take(10, 32).await?;
    equal("bodies", (0..10).map(|i| format!("batch-{i:04}")).collect(), sorted(bodies(&got)))?;
    let ids = receipts.iter().map(|r| r.message_id().to_string()).collect();
    equal("ids", sorted(ids), sorted(got.iter().map(|m| m.message_id().to_string()).collect()))
}

async fn properties(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    let properties = HashMap::from([("mine".to_string(), "ü 火".to_string()), ("other".to_string(), "two words".to_string())]);
    let sent = message(&topic, "text ü 火").set_tag("the-tag").set_keys(vec!["key-1", "key-2"]).set_properties(properties.clone());
    let before = now();
    let id = send(&lab.producer(&topic).await?, sent).await.map_err(text)?;
    let got = lab.consumer(&topic, &group).await?.take(1, 1).await?.remove(0);
    equal("topic", topic.as_str(), got.topic())?;
    equal("body", "text ü 火".as_bytes(), got.body())?;
    equal("tag", Some("the-tag"), got.tag())?;
    equal("keys", HashSet::from(["key-1".to_string(), "key-2".to_string()]), got.keys().iter().cloned().collect())?;
    equal("properties", &properties, got.properties())?;
    equal("id", id.as_str(), got.message_id())?;
    equal("attempt", 1, got.delivery_attempt())?;
    equal("message group", None, got.message_group())?;
    within("born", before / 1000 - 1, now() / 1000, got.born_timestamp())
}

/// What the crate receives may have 4 MiB with all that belongs to it; it sends more than the limit, and the server refuses. (It ends
/// itself at a code that is younger than it, such as that for an empty body.)
async fn body_large(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    let producer = lab.producer(&topic).await?;
    let sized = |size: usize| MessageBuilder::builder().set_topic(&topic).set_body((0..size).map(|i| (i % 251) as u8).collect());
    let consumer = lab.consumer(&topic, &group).await?;
    send(&producer, sized(LIMIT - 4096)).await.map_err(text)?;
    let got = consumer.take(1, 1).await?.remove(0);
    equal("body is unchanged", true, got.body().iter().enumerate().all(|(i, b)| *b == (i % 251) as u8))?;
    equal("size", LIMIT - 4096, got.body().len())?;
    refused(&["MESSAGE_BODY_TOO_LARGE"], send(&producer, sized(LIMIT + 1)).await)?;
    consumer.nothing().await
}

/// The messages of a message group come in order.
async fn fifo(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("FIFO", 4).await?, lab.group("16 orderly").await?);
    let producer = lab.producer(&topic).await?;
    for i in 0..60 {
        let sent = message(&topic, &format!("{}:{i:04}", i % 5)).set_message_group(format!("key-{}", i % 5));
        send(&producer, sent).await.map_err(text)?;
    }
    let got = lab.consumer(&topic, &group).await?.take(60, 4).await?;
    for key in 0..5 {
        let name = format!("key-{key}");
        let mine = got.iter().filter(|m| m.message_group() == Some(&name)).map(body).collect();
        equal(&name, (key..60).step_by(5).map(|i| format!("{key}:{i:04}")).collect::<Vec<_>>(), mine)?;
    }
    Ok(())
}

/// A message that is not acknowledged holds back those behind it, and comes again before them.
async fn fifo_blocks(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("FIFO", 1).await?, lab.group("16 orderly").await?);
    let producer = lab.producer(&topic).await?;
    for body in ["first", "second"] {
        send(&producer, message(&topic, body).set_message_group("one")).await.map_err(text)?;
    }
    let consumer = lab.consumer(&topic, &group).await?;
    equal("first", vec!["first".to_string()], bodies(&consumer.hold(1, 1, Duration::from_secs(12)).await?))?;
    consumer.nothing().await?;
    let again = consumer.take(1, 1).await?;
    equal("again", vec!["first".to_string()], bodies(&again))?;
    equal("attempt", 2, again[0].delivery_attempt())?;
    equal("then", vec!["second".to_string()], bodies(&consumer.take(1, 1).await?))
}

async fn delay(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("DELAY", 4).await?, lab.group("").await?);
    let consumer = lab.consumer(&topic, &group).await?;
    let due = now() / 1000 + 4;
    let id = send(&lab.producer(&topic).await?, message(&topic, "later").set_delivery_timestamp(due)).await.map_err(text)?;
    let got = consumer.take(1, 1).await?.remove(0);
    within("arrival", due * 1000, due * 1000 + LATE, now())?;
    equal("due", Some(due), got.delivery_timestamp())?;
    equal("id", id.as_str(), got.message_id())?;
    consumer.nothing().await
}

async fn delay_too_long(lab: Lab) -> Outcome {
    let topic = lab.topic("DELAY", 4).await?;
    let sent = message(&topic, "never").set_delivery_timestamp(now() / 1000 + 20 * 365 * 86400);
    refused(&["ILLEGAL_DELIVERY_TIME"], send(&lab.producer(&topic).await?, sent).await)
}

/// Of what is committed, rolled back and left to the check, the consumer gets what it should.
async fn transaction(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("TRANSACTION", 4).await?, lab.group("").await?);
    let asked = Arc::new(Mutex::new(HashMap::new()));
    let keep = asked.clone();
    let checker = Box::new(move |_: String, m: rocketmq::model::message::MessageView| {
        keep.lock().unwrap().insert(body(&m), m.message_id().to_string());
        if m.body() == b"check-commit" {
            return TransactionResolution::COMMIT;
        }
        TransactionResolution::ROLLBACK
    });
    let producer = lab.transaction_producer(&topic, checker).await?;
    let mut ids = HashMap::new();
    for body in ["commit", "rollback", "check-commit", "check-rollback"] {
        let sent = message(&topic, body).set_tag("the-tag").enable_transaction().build().map_err(text)?;
        let running = producer.send_transaction_message(sent).await.map_err(text)?;
        equal("there is a transaction id", false, running.transaction_id().is_empty())?;
        ids.insert(body.to_string(), running.message_id().to_string());
        match body {
            "commit" => running.commit().await.map_err(text)?,
            "rollback" => running.rollback().await.map_err(text)?,
            _ => {}
        }
    }
    let consumer = lab.consumer(&topic, &group).await?;
    let got = consumer.take(2, 32).await?;
    equal("delivered", vec!["check-commit".to_string(), "commit".to_string()], sorted(bodies(&got)))?;
    for m in &got {
        equal("id", ids[&body(m)].as_str(), m.message_id())?;
        equal("tag", Some("the-tag"), m.tag())?;
    }
    consumer.nothing().await?;
    let asked = asked.lock().unwrap().clone();
    ids.retain(|body, _| body.starts_with("check-"));
    equal("asked about", ids, asked)
}

async fn tag_filter(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    let producer = lab.producer(&topic).await?;
    for tag in ["red", "green", "blue", "green", "red"] {
        send(&producer, message(&topic, tag).set_tag(tag)).await.map_err(text)?;
    }
    let mut consumer = lab.consumer(&topic, &group).await?;
    consumer.filter = FilterExpression::new(FilterType::Tag, "red || blue");
    equal("bodies", vec!["blue".to_string(), "red".to_string(), "red".to_string()], sorted(bodies(&consumer.take(3, 32).await?)))?;
    consumer.nothing().await
}

async fn send_numbers(producer: &Producer, topic: &str) -> Outcome {
    for i in 0..6 {
        let place = if i < 3 { "near" } else { "far" };
        let properties = HashMap::from([("number".to_string(), i.to_string()), ("place".to_string(), place.to_string())]);
        let tag = if i % 2 == 0 { "even" } else { "odd" };
        send(producer, message(topic, &i.to_string()).set_tag(tag).set_properties(properties)).await.map_err(text)?;
    }
    Ok(())
}

async fn sql_filter(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    send_numbers(&lab.producer(&topic).await?, &topic).await?;
    let mut consumer = lab.consumer(&topic, &group).await?;
    consumer.filter = FilterExpression::new(FilterType::Sql, "number > 1 AND (place = 'near' OR TAGS = 'odd')");
    equal("bodies", vec!["2".to_string(), "3".to_string(), "5".to_string()], sorted(bodies(&consumer.take(3, 32).await?)))?;
    consumer.nothing().await
}

/// Apache answers INTERNAL_SERVER_ERROR.
async fn sql_filter_wrong(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    let mut consumer = lab.consumer(&topic, &group).await?;
    consumer.filter = FilterExpression::new(FilterType::Sql, "number ><");
    refused(&["ILLEGAL_FILTER_EXPRESSION", "INTERNAL_SERVER_ERROR"], consumer.receive(1, HIDDEN).await)
}

/// What is not acknowledged comes again when its invisible time is over, and not before; what is acknowledged does not.
async fn redelivery(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 1).await?, lab.group("").await?);
    let producer = lab.producer(&topic).await?;
    for body in ["kept", "dropped"] {
        send(&producer, message(&topic, body)).await.map_err(text)?;
    }
    let consumer = lab.consumer(&topic, &group).await?;
    let got = consumer.hold(2, 32, Duration::from_secs(10)).await?;
    let since = now();
    let dropped = got.iter().find(|m| m.body() == b"dropped").ok_or("nothing dropped")?;
    consumer.consumer.ack(got.iter().find(|m| m.body() == b"kept").ok_or("nothing kept")?).await.map_err(text)?;
    let again = consumer.take(1, 32).await?.remove(0);
    within("came again after", 9000, 10000 + LATE, now() - since)?;
    equal("body", dropped.body(), again.body())?;
    equal("id", dropped.message_id(), again.message_id())?;
    equal("attempt", 2, again.delivery_attempt())?;
    refused(&["INVALID_RECEIPT_HANDLE"], consumer.consumer.ack(dropped).await)?;
    consumer.nothing().await
}

async fn invisible_time_wrong(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("").await?);
    let consumer = lab.consumer(&topic, &group).await?;
    refused(&["ILLEGAL_INVISIBLE_TIME"], consumer.receive(1, Duration::from_secs(1)).await)?;
    refused(&["ILLEGAL_INVISIBLE_TIME"], consumer.receive(1, Duration::from_secs(13 * 3600)).await)
}

/// With one retry, what is given out twice and never acknowledged lies in the group's dead letter topic when it would be given out
/// again.
async fn dead_letter(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 4).await?, lab.group("1").await?);
    send(&lab.producer(&topic).await?, message(&topic, "poison")).await.map_err(text)?;
    let consumer = lab.consumer(&topic, &group).await?;
    for attempt in [1, 2] {
        equal("attempt", attempt, consumer.hold(1, 1, Duration::from_secs(10)).await?[0].delivery_attempt())?;
    }
    consumer.nothing().await?;
    let since = now();
    while now() - since < 10_000 {
        consumer.nothing().await?;
    }
    lab.driver.ask(&format!("dead-letter {group} {topic} poison")).await
}

async fn wrong_topic(lab: Lab) -> Outcome {
    let absent = lab.unique("absent");
    let topic = lab.topic("NORMAL", 4).await?;
    refused(&["TOPIC_NOT_FOUND"], send(&lab.producer(&topic).await?, message(&absent, "lost")).await)?;
    match lab.producer(&absent).await {
        Err(e) if e.contains("TOPIC_NOT_FOUND") => Ok(()),
        Err(e) => Err(e),
        Ok(_) => Err("a producer starts without its topic".to_string()),
    }
}

/// The crate leaves it to the server to refuse what the topic does not take.
async fn wrong_type(lab: Lab) -> Outcome {
    for kind in ["NORMAL", "FIFO", "DELAY", "TRANSACTION"] {
        let topic = lab.topic(kind, 4).await?;
        let producer = lab.producer(&topic).await?;
        for other in ["NORMAL", "FIFO", "DELAY", "TRANSACTION"] {
            let sent = match other {
                "FIFO" => message(&topic, "x").set_message_group("one"),
                "DELAY" => message(&topic, "x").set_delivery_timestamp(now() / 1000 + 1),
                "TRANSACTION" => message(&topic, "x").enable_transaction(),
                _ => message(&topic, "x"),
            };
            let sent = send(&producer, sent).await;
            if other == kind {
                sent.map_err(text)?;
            } else {
                refused(&["MESSAGE_PROPERTY_CONFLICT_WITH_TYPE"], sent)?;
            }
        }
    }
    Ok(())
}

/// Twenty times a message reaches a consumer that waits for it within a second; a loaded machine may be late twice.
async fn long_poll(lab: Lab) -> Outcome {
    let (topic, group) = (lab.topic("NORMAL", 1).await?, lab.group("").await?);
    let (producer, consumer) = (lab.producer(&topic).await?, lab.consumer(&topic, &group).await?);
    let mut late = Vec::new();
    for i in 0..20 {
        let prompt = format!("prompt-{i:04}");
        let sending = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let start = now();
            send(&producer, message(&topic, &prompt)).await.map_err(text).map(|_| start)
        };
        let (start, got) = tokio::join!(sending, consumer.take(1, 1));
        equal("bodies", vec![prompt.clone()], bodies(&got?))?;
        let took = now() - start?;
        if took >= 1000 {
            late.push(took);
        }
    }
    equal("late, in ms, three times or more", true, late.len() <= 2)
}
