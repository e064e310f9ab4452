import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.broker.filter.MessageEvaluationContext;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.expression.Expression;

/**
 * Judges SQL92 expressions with Apache's own parser and evaluator. Standard input has a line for each message, "p" and its property text,
 * and one for each expression, "e", the expression, and the numbers of the messages to judge, from 0; texts are in base64. Each
 * expression gives one line: E for one that is refused, else a letter for each message: T true, F false, N null, X an exception.
 */
public class Judge {
    public static void main(String[] args) throws Exception {
        List<Map<String, String>> messages = new ArrayList<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, false, "US-ASCII");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ", -1);
            String text = new String(Base64.getDecoder().decode(words[1]), StandardCharsets.UTF_8);
            if (words[0].equals("p")) {
                messages.add(MessageDecoder.string2messageProperties(text));
                continue;
            }
            Expression expression;
            try {
                expression = FilterFactory.INSTANCE.get("SQL92").compile(text);
            } catch (Throwable e) {
                out.println("E");
                continue;
            }
            StringBuilder verdicts = new StringBuilder();
            for (int i = 2; i < words.length; i++) {
                verdicts.append(judge(expression, messages.get(Integer.parseInt(words[i]))));
            }
            out.println(verdicts);
        }
        out.flush();
    }

    private static char judge(Expression expression, Map<String, String> properties) {
        Object verdict;
        try {
            verdict = expression.evaluate(new MessageEvaluationContext(properties));
        } catch (Throwable e) {
            return 'X';
        }
        if (verdict == null) {
            return 'N';
        }
        return Boolean.TRUE.equals(verdict) ? 'T' : 'F';
    }
}
