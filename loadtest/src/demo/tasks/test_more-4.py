import csv
import io
import random
import unittest

from fields import fields


class More(unittest.TestCase):
    def test_an_empty_line_is_one_empty_field(self):
        self.assertEqual(fields(""), [""])

    def test_a_quote_in_a_plain_field_stays(self):
        self.assertEqual(fields('5" disk,2'), ['5" disk', "2"])

    def test_a_quote_that_is_never_closed(self):
        with self.assertRaises(ValueError):
            fields('a,"b')

    def test_what_was_written_is_read(self):
        rng = random.Random(7)
        for _ in range(100):
            row = ["".join(rng.choices('ab",; ', k=rng.randint(0, 6))) for _ in range(rng.randint(1, 5))]
            out = io.StringIO()
            csv.writer(out, lineterminator="").writerow(row)
            self.assertEqual(fields(out.getvalue()), row)


if __name__ == "__main__":
    unittest.main()
