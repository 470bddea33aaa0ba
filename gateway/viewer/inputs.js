// Where frames come from in the browser: a camera or a file in a <video>, handed over one by one as they are shown.

const LONGEST_SIDE = 960;

const CAMERA_TROUBLE = {
  NotAllowedError: "The browser does not give this page the camera. Allow it beside the address, then start again.",
  NotFoundError: "No camera was found. Connect one, or look at a file.",
  NotReadableError: "The camera is in use by another program.",
  OverconstrainedError: "That camera is not there any more. Choose another one.",
};

/** A camera's pictures, not shown yet: who has left meanwhile stops its tracks. */
export async function askForCamera(deviceId) {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give the camera only to pages over https, or on localhost. A file can be looked at here.");
  }
  const wish = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "environment" };
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { ...wish, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
    });
  } catch (error) {
    throw new Error(CAMERA_TROUBLE[error.name] ?? `The camera cannot be opened: ${error.message}`);
  }
}

export async function openCamera(video, media) {
  video.srcObject = media;
  const [track] = media.getVideoTracks();
  track.onended = () => video.dispatchEvent(new Event("ended"));
  await video.play();
}

/** A file that stands at its beginning until somebody plays it. */
export async function openFile(video, file) {
  if (!file) throw new Error("Choose a video file first.");
  video.preload = "auto";
  video.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      video.onloadeddata = resolve;
      video.onerror = reject;
    });
  } catch {
    throw new Error(`This browser cannot play ${file.name}. It may still be read by POST /api/segment_video.`);
  }
  if (!video.videoWidth) throw new Error(`There is no picture in ${file.name}, only sound.`);
}

export function close(video) {
  video.pause();
  video.onloadeddata = video.onerror = null;
  for (const track of video.srcObject?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
  video.srcObject = null;
  if (video.src) URL.revokeObjectURL(video.src);
  video.removeAttribute("src");
  video.load();
}

/** Calls `take(time)` with each frame's own time in milliseconds of performance.now(); returns what stops it. */
export function eachFrame(video, take) {
  let going = true;
  if ("requestVideoFrameCallback" in video) {
    const step = (now, facts) => {
      if (!going) return;
      video.requestVideoFrameCallback(step);
      take(facts.captureTime ?? now);
    };
    video.requestVideoFrameCallback(step);
  } else {
    let last = -1;
    const step = (now) => {
      if (!going) return;
      requestAnimationFrame(step);
      if (video.readyState < 2 || video.currentTime === last) return;
      last = video.currentTime;
      take(now);
    };
    requestAnimationFrame(step);
  }
  return () => { going = false; };
}

/** The frame that the video shows now, on a canvas of its own, no larger than networks look at. */
export function grabbed(video, canvas) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
  canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
  canvas.getContext("2d", { alpha: false }).drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}
