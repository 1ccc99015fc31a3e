import unittest

from fields import fields


class Fields(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(fields("a,b,,d"), ["a", "b", "", "d"])

    def test_a_comma_in_quotes_parts_nothing(self):
        self.assertEqual(fields('1,"Heron, Grey",x'), ["1", "Heron, Grey", "x"])

    def test_a_doubled_quote_is_one(self):
        self.assertEqual(fields('"say ""hi""",end'), ['say "hi"', "end"])

    def test_an_empty_field_in_quotes(self):
        self.assertEqual(fields('"",""'), ["", ""])


if __name__ == "__main__":
    unittest.main()
