import java.util.ArrayList;
import java.util.List;

public final class IntervalsTest {
    private static boolean failed;

    private static List<Intervals.Interval> of(int... ends) {
        List<Intervals.Interval> all = new ArrayList<>();
        for (int i = 0; i < ends.length; i += 2) {
            all.add(new Intervals.Interval(ends[i], ends[i + 1]));
        }
        return all;
    }

    private static void check(String what, List<Intervals.Interval> given, List<Intervals.Interval> want) {
        List<Intervals.Interval> before = List.copyOf(given);
        List<Intervals.Interval> got = Intervals.merge(given);
        if (!got.equals(want) || !given.equals(before)) {
            System.out.println(what + ": got " + got + ", want " + want);
            failed = true;
        }
    }

    public static void main(String[] args) {
        check("none", of(), of());
        check("apart", of(1, 2, 4, 5), of(1, 2, 4, 5));
        check("overlapping", of(1, 3, 2, 5), of(1, 5));
        check("touching", of(1, 3, 3, 5), of(1, 5));
        check("within", of(1, 9, 2, 5), of(1, 9));
        check("unordered", of(4, 6, 1, 2, 5, 8), of(1, 2, 4, 8));
        System.out.println(failed ? "failed" : "passed");
        System.exit(failed ? 1 : 0);
    }
}
