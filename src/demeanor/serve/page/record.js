/* Microphone and camera: asked for only after everybody agreed, and switched off as soon as the recording ends. */

import { say } from "./words.js";

/** Ask the browser for the devices. */
export async function devices(video) {
  if (!navigator.mediaDevices) throw new Error(say("insecure"));  // as over plain HTTP from another machine
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true, video: video ? { width: { ideal: 640 }, facingMode: "user" } : false });
  } catch (error) {
    throw new Error(say("no_device", { why: error.message || error.name }));
  }
}

export const release = (stream) => stream.getTracks().forEach((track) => track.stop());

/** Record a stream; `stop()` gives the file. */
export function recorder(stream, video) {
  const wanted = video ? ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"] : ["audio/webm;codecs=opus", "audio/webm", "audio/mp4"];
  const type = wanted.find((t) => MediaRecorder.isTypeSupported(t));
  const made = new MediaRecorder(stream, type ? { mimeType: type } : {}), pieces = [];
  made.ondataavailable = (e) => { if (e.data.size) pieces.push(e.data); };
  const ended = new Promise((done) => { made.onstop = done; });  // also when a device is taken away
  made.start(1000);
  return {
    stop: async () => {
      if (made.state !== "inactive") made.stop();
      await ended;
      const kind = (made.mimeType || wanted[1]).split(";")[0], ending = kind.endsWith("mp4") ? ".mp4" : ".webm";
      return new File(pieces, say("recording") + " " + new Date().toLocaleTimeString() + ending, { type: kind });
    },
  };
}

/** Draw the level of a stream's sound into a canvas until `stop()`. */
export function meter(stream, canvas) {
  const sound = new AudioContext(), listener = sound.createAnalyser(), ctx = canvas.getContext("2d");
  sound.createMediaStreamSource(stream).connect(listener);
  listener.fftSize = 1024;
  const wave = new Float32Array(listener.fftSize), past = [];
  let going = true;
  const step = () => {
    if (!going) return;
    listener.getFloatTimeDomainData(wave);
    past.push(Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length));
    if (past.length > 160) past.shift();
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    ctx.fillStyle = getComputedStyle(canvas).color;
    past.forEach((v, i) => {
      const h = Math.max(1, Math.min(1, v * 5) * canvas.height);
      ctx.fillRect(i * 2, (canvas.height - h) / 2, 1.4, h);
    });
    requestAnimationFrame(step);
  };
  step();
  return { stop: () => { going = false; sound.close(); } };
}
