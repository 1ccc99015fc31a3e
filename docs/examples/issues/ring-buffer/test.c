#include <stdio.h>

#include "ring.h"

static int failures;

static void expect(const char *what, int got, int want)
{
    if (got != want) {
        printf("%s: got %d, want %d\n", what, got, want);
        failures++;
    }
}

int main(void)
{
    struct ring ring;
    int round, i;
    ring_init(&ring);
    expect("an empty ring", ring_take(&ring), -1);
    for (round = 0; round < 3; round++) {
        for (i = 0; i < RING_SIZE; i++)
            expect("a put", ring_put(&ring, (unsigned char)(250 + i)), 1);
        expect("a put into a full ring", ring_put(&ring, 9), 0);
        for (i = 0; i < RING_SIZE; i++)
            expect("a take", ring_take(&ring), 250 + i);
        expect("an emptied ring", ring_take(&ring), -1);
    }
    puts(failures ? "failed" : "passed");
    return failures != 0;
}
