package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * The Java half of the torture test: producers and consumers that live through kills of the broker and write what they saw
 * to standard output, one line an event, with the time in microseconds: "B at key sum topic queue" an attempt to send
 * begins, "A at key topic queue offset" its SEND_OK, "L at key" any other end of it, "D at group key sum retry topic queue
 * offset" a delivery, "R at group key" the handler wants it again,
 * "J at" a consumer has started. "STOP" on standard input ends the sending ("STOPPED" is
 * the answer), "END" the program.
 */
final class Torture {
    private static final String FREE = "torture-free";
    private static final String ORDER = "torture-order";
    private static final String DELAY = "torture-delay";

    private final Diary diary = new Diary(false);
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final long seed = Long.parseLong(System.getenv("TORTURE_SEED"));
    private final Lab lab = new Lab(new Lab.Cluster(System.getenv("INTEROP_NAMESRV"), System.getenv("INTEROP_BROKER"), "", "torture",
        null, null), "torture");

    private Torture() {
    }

    public static void main(String[] arguments) {
        try {
            new Torture().run();
            System.exit(0);
        } catch (Exception e) {
            e.printStackTrace();
            System.exit(2);
        }
    }

    private void run() throws Exception {
        consumer("free-java", concurrently("free-java", true), FREE, DELAY);
        consumer("both", concurrently("both", false), FREE);
        DefaultMQPushConsumer orderly = subscribed("order-java", ORDER);
        orderly.registerMessageListener(orderly("order-java"));
        orderly.start();
        diary.say("J " + Diary.now());
        List<Thread> senders = senders();
        diary.say("STARTED");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null && !line.equals("END"); line = in.readLine()) {
            if (line.equals("STOP")) {
                stopped.set(true);
                for (Thread sender : senders) {
                    sender.join();
                }
                diary.say("STOPPED");
            }
        }
        lab.close();
        diary.flush();
    }

    private List<Thread> senders() throws Exception {
        DefaultMQProducer producer = lab.configure(new DefaultMQProducer("torture-java"), "senders");
        producer.setSendMsgTimeout(3000);
        producer.start();
        List<Thread> senders = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            String topic = i < 4 ? FREE : i < 6 ? ORDER : DELAY;
            Sender sender = new Sender(producer, "j" + i, topic, i % (i < 4 ? 4 : 2), new Random(seed * 31 + i));
            Thread thread = new Thread(sender, sender.name);
            thread.start();
            senders.add(thread);
        }
        return senders;
    }

    /** One line of synchronous sends into one queue. */
    private final class Sender implements Runnable {
        final String name;
        private final DefaultMQProducer producer;
        private final String topic;
        private final int queue;
        private final Random random;

        Sender(DefaultMQProducer producer, String name, String topic, int queue, Random random) {
            this.producer = producer;
            this.name = name;
            this.topic = topic;
            this.queue = queue;
            this.random = random;
        }

        @Override
        public void run() {
            try {
                for (int sequence = 0; !stopped.get(); sequence++) {
                    byte[] body = Diary.body(name + ":" + sequence, random);
                    boolean insists = !topic.equals(ORDER); // in order, a message without an answer is given up
                    boolean stored = send(name + ":" + sequence, body);
                    while (!stored && insists && !stopped.get()) {
                        stored = send(name + ":" + sequence, body);
                    }
                    if (random.nextInt(4) > 0) {
                        Thread.sleep(topic.equals(DELAY) ? 50 : random.nextInt(16));
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private boolean send(String key, byte[] body) throws InterruptedException {
            Message message = new Message(topic, "all", key, body);
            if (topic.equals(DELAY)) {
                message.setDelayTimeLevel(1);
            }
            diary.say("B " + Diary.now() + " " + key + " " + Diary.sum(body) + " " + topic + " " + queue);
            try {
                SendResult result = producer.send(message, new MessageQueue(topic, brokerName(), queue));
                if (result.getSendStatus() == SendStatus.SEND_OK) {
                    long offset = topic.equals(DELAY) ? -1 : result.getQueueOffset();
                    diary.say("A " + Diary.now() + " " + key + " " + topic + " " + result.getMessageQueue().getQueueId() + " " + offset);
                    return true;
                }
            } catch (InterruptedException e) {
                throw e;
            } catch (Exception e) {
                Thread.sleep(20); // the broker is away
            }
            diary.say("L " + Diary.now() + " " + key);
            return false;
        }

        private String brokerName() throws Exception {
            return producer.fetchPublishMessageQueues(topic).get(0).getBrokerName();
        }
    }

    private DefaultMQPushConsumer subscribed(String group, String... topics) throws Exception {
        DefaultMQPushConsumer consumer = lab.consumer(group, group);
        for (String topic : topics) {
            consumer.subscribe(topic, "*");
        }
        return consumer;
    }

    private void consumer(String group, MessageListenerConcurrently listener, String... topics) throws Exception {
        DefaultMQPushConsumer consumer = subscribed(group, topics);
        consumer.registerMessageListener(listener);
        consumer.start();
        diary.say("J " + Diary.now());
    }

    /** Refuses, if it refuses, one in a hundred messages the first time. */
    private MessageListenerConcurrently concurrently(String group, boolean refuses) {
        return (batch, context) -> {
            for (MessageExt message : batch) {
                String key = delivered(group, message);
                if (refuses && retry(message) == 0 && key.hashCode() % 100 == 0) {
                    diary.say("R " + Diary.now() + " " + group + " " + key);
                    context.setDelayLevelWhenNextConsume(1);
                    return ConsumeConcurrentlyStatus.RECONSUME_LATER;
                }
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    private MessageListenerOrderly orderly(String group) {
        return (batch, context) -> {
            for (MessageExt message : batch) {
                delivered(group, message);
            }
            return ConsumeOrderlyStatus.SUCCESS;
        };
    }

    private String delivered(String group, MessageExt message) {
        String key = Diary.key(message);
        diary.say("D " + Diary.now() + " " + group + " " + key + " " + Diary.sum(message.getBody()) + " " + retry(message) + " "
            + message.getTopic() + " " + message.getQueueId() + " " + message.getQueueOffset());
        return key;
    }

    /**
     * Which redelivery this is. When the broker is away, the client sends a refused message to the retry topic by a producer of its own,
     * which forgets the number with its first attempt: what comes by the retry topic is a redelivery, also with number 0.
     */
    private static int retry(MessageExt message) {
        boolean again = message.getProperty(MessageConst.PROPERTY_RETRY_TOPIC) != null;
        return again ? Math.max(1, message.getReconsumeTimes()) : message.getReconsumeTimes();
    }
}
