#include "ring.h"

void ring_init(struct ring *ring)
{
    ring->head = 0;
    ring->tail = 0;
}

int ring_put(struct ring *ring, unsigned char byte)
{
    ring->bytes[ring->tail] = byte;
    ring->tail = (ring->tail + 1) % RING_SIZE;
    return 1;
}

int ring_take(struct ring *ring)
{
    int byte;
    if (ring->head == ring->tail)
        return -1;
    byte = ring->bytes[ring->head];
    ring->head = (ring->head + 1) % RING_SIZE;
    return byte;
}
