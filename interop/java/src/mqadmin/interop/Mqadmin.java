package interop;

import com.alibaba.fastjson2.JSON;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs what standard input asks for, one request a line of words with tabs between them, and answers each with one line of JSON on standard output.
 * "mqadmin" and its words run RocketMQ's own command line in this process, since a fresh one costs seconds; "interrupt", a number and
 * such words end a command that would go on for ever, when it has printed so many lines. Everything else prepares what the commands look at, see
 * {@link Stage}. An answer has what was printed ("out", "err") and the exit code, or the ids that later requests may name ("ids"), or
 * why it failed ("failed").
 */
final class Mqadmin {
    private Mqadmin() {
    }

    /** Ends with halt: a command leaves threads behind, and monitoring goes on until then. */
    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Stage stage = new Stage(System.getenv("INTEROP_NAMESRV"), System.getenv("INTEROP_BROKER"));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            Map<String, Object> answer = new LinkedHashMap<>();
            try {
                answer(stage, line.split("\t", -1), answer);
            } catch (Throwable e) {
                answer.put("failed", e.toString());
            }
            answers.println(JSON.toJSONString(answer));
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(Stage stage, String[] words, Map<String, Object> answer) throws Exception {
        switch (words[0]) {
            case "mqadmin":
                Tool.run(Arrays.copyOfRange(words, 1, words.length), 0, answer);
                break;
            case "interrupt":
                Tool.run(Arrays.copyOfRange(words, 3, words.length), Integer.parseInt(words[1]), answer);
                break;
            default:
                answer.put("ids", stage.play(words));
        }
    }
}
