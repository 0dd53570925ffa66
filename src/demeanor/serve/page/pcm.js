/* Sound as it comes from the microphone, in pieces of a tenth of a second, as 16-bit samples of one channel. */

class Pcm extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 10);
    this.piece = new Int16Array(this.size);
    this.filled = 0;
  }

  process(inputs) {
    const [channels] = inputs;
    if (!channels.length) return true;
    for (let i = 0; i < channels[0].length; i++) {
      let v = 0;
      for (const channel of channels) v += channel[i];
      v = Math.max(-1, Math.min(1, v / channels.length));
      this.piece[this.filled++] = v < 0 ? v * 32768 : v * 32767;
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.buffer, [this.piece.buffer]);
        this.piece = new Int16Array(this.size);  // what was sent has no length any more
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("pcm", Pcm);
