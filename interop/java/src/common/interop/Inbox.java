package interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** Where a push consumer's messages arrive, in the order in which its listener saw them. */
final class Inbox {
    private final LinkedBlockingQueue<MessageExt> messages = new LinkedBlockingQueue<>();

    MessageListenerConcurrently concurrently() {
        return (batch, context) -> {
            messages.addAll(batch);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    MessageListenerOrderly orderly() {
        return (batch, context) -> {
            messages.addAll(batch);
            return ConsumeOrderlyStatus.SUCCESS;
        };
    }

    /** Fails every message whose reconsumeTimes is below {@code failures}, to be tried again at the given delay level. */
    MessageListenerConcurrently failing(int failures, int delayLevel) {
        return (batch, context) -> {
            messages.addAll(batch);
            if (batch.get(0).getReconsumeTimes() < failures) {
                context.setDelayLevelWhenNextConsume(delayLevel);
                return ConsumeConcurrentlyStatus.RECONSUME_LATER;
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    MessageExt takeOne(int seconds) throws InterruptedException {
        return take(1, seconds).get(0);
    }

    List<MessageExt> take(int count, int seconds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        List<MessageExt> got = new ArrayList<>();
        while (got.size() < count) {
            MessageExt next = messages.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (next == null) {
                throw new AssertionError(got.size() + " of " + count + " messages in " + seconds + " s");
            }
            got.add(next);
        }
        return got;
    }

    /** Nothing more may arrive within the time. */
    void nothing(int millis) throws InterruptedException {
        MessageExt next = messages.poll(millis, TimeUnit.MILLISECONDS);
        if (next != null) {
            throw new AssertionError("unexpected message " + Check.text(next));
        }
    }

    int size() {
        return messages.size();
    }
}
