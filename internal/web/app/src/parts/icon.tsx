// Icons: paths of Lucide (ISC licence), 24 by 24, drawn in the colour of the text. They say nothing that words do not.
const paths = {
  home: "M3 10.5 12 3l9 7.5V20a1 1 0 0 1-1 1h-5v-7H9v7H4a1 1 0 0 1-1-1z",
  jobs: "M3 5h.01M3 12h.01M3 19h.01M8 5h13M8 12h13M8 19h13",
  workers: "M4 4h16v12H4zM8 20h8M12 16v4",
  balance: "M12 3v18M8 21h8M3 7h3c2 0 4-1 6-2 2 1 4 2 6 2h3M6 7l-3 7c1.8 1.4 4.2 1.4 6 0zM18 7l-3 7c1.8 1.4 4.2 1.4 6 0z",
  statistics: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
  addon: "M12 3v12m0 0 5-5m-5 5-5-5M4 21h16",
  menu: "M4 6h16M4 12h16M4 18h16",
  close: "M6 6l12 12M18 6 6 18",
  pause: "M8 5v14M16 5v14",
  play: "M7 4l13 8-13 8z",
  stop: "M6 6h12v12H6z",
  retry: "M3 12a9 9 0 1 0 3-6.7L3 8M3 3v5h5",
  trash: "M3 6h18M8 6V4h8v2M6 6l1 15h10l1-15",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM21 21l-5-5",
  warn: "M12 3 2 20h20zM12 10v4M12 17h.01",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M5 9l7 7 7-7",
  download: "M12 3v12m0 0 5-5m-5 5-5-5M4 21h16",
  plus: "M12 5v14M5 12h14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
};

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
