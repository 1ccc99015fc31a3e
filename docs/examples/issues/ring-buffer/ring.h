/* A queue of at most RING_SIZE bytes. */
#ifndef RING_H
#define RING_H

#define RING_SIZE 4

struct ring {
    unsigned char bytes[RING_SIZE];
    int head; /* where the oldest byte is */
    int tail; /* where the next byte goes */
};

void ring_init(struct ring *ring);
/* Puts a byte at the end; 0 when the ring is full, and nothing is lost then. */
int ring_put(struct ring *ring, unsigned char byte);
/* Takes the oldest byte, 0 to 255; -1 when there is none. */
int ring_take(struct ring *ring);

#endif
