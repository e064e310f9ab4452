package interop;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * One member of a group that has members in other languages too. It reports what it gets, fails what begins with "fail" the
 * first time, and leaves when it reads a line.
 */
final class Member {
    private Member() {
    }

    public static void main(String[] args) throws Exception {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(System.getenv("INTEROP_GROUP"));
        consumer.setNamesrvAddr(System.getenv("INTEROP_NAMESRV"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setAwaitTerminationMillisWhenShutdown(5_000);
        consumer.subscribe(System.getenv("INTEROP_TOPIC"), "*");
        if (args.length > 0 && args[0].equals("orderly")) {
            consumer.registerMessageListener((MessageListenerOrderly) (messages, context) ->
                take(messages) ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT);
        } else {
            consumer.registerMessageListener((MessageListenerConcurrently) (messages, context) ->
                take(messages) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER);
        }
        consumer.start();
        say("READY");
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)).readLine();
        consumer.shutdown();
        say("LEFT");
        System.exit(0);
    }

    private static boolean take(List<MessageExt> messages) {
        for (MessageExt message : messages) {
            String body = new String(message.getBody(), StandardCharsets.UTF_8);
            if (body.startsWith("fail") && message.getReconsumeTimes() == 0) {
                say("FAILED " + body);
                return false;
            }
            say("GOT " + message.getQueueId() + " " + message.getReconsumeTimes() + " " + message.getTopic() + " " + body);
        }
        return true;
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
