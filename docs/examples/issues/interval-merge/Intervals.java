import java.util.ArrayList;
import java.util.List;

/** Stretches of time, each with its start and without its end. */
public final class Intervals {
    public record Interval(int start, int end) {}

    /** Joins intervals that overlap or touch; the result is in order, and the argument stays as it was. */
    public static List<Interval> merge(List<Interval> all) {
        List<Interval> merged = new ArrayList<>();
        for (Interval next : all) {
            int last = merged.size() - 1;
            if (last >= 0 && next.start() < merged.get(last).end()) {
                merged.set(last, new Interval(merged.get(last).start(), next.end()));
            } else {
                merged.add(next);
            }
        }
        return merged;
    }
}
