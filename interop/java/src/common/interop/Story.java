package interop;

import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;

/** The producing half of the main story: it sends numbered messages until STOP and reports each that was acknowledged. */
final class Story {
    private Story() {
    }

    static void produce(Lab lab) throws Exception {
        DefaultMQProducer producer = lab.producer();
        producer.setSendMsgTimeout(3_000);
        String topic = System.getenv("INTEROP_TOPIC");
        for (int number = 0; !lab.cluster.driver().stopped(); number++) {
            sendUntilStored(producer, topic, String.valueOf(number));
            lab.cluster.driver().say("SENT " + number);
        }
    }

    private static void sendUntilStored(DefaultMQProducer producer, String topic, String text) {
        Check.eventually("message " + text + " is stored", 60, () -> {
            SendResult result = producer.send(Lab.message(topic, "story", text));
            return result.getSendStatus() == SendStatus.SEND_OK;
        });
    }
}
